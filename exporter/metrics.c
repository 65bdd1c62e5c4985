// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics.h"

#include "base/cleanup.h"
#include "proto/answer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BITS_TO_BYTES 0.125
#define NS_TO_S 1e-9
#define MS_TO_S 1e-3

/* Of the status' object "conformance": the sum of two counts, and a time. */
#define VIOLATIONS "violations"
#define SETTLE "settled_after_ms"

enum kind { GAUGE, COUNTER };

/* What the samples of a family are of. */
enum subject { UPLINK, NETWORK, DEVICE };

/*
 * Of which directions: that of the status' object and, where it has one, of its object rx, with the label direction; or
 * none, without the label. What is measured is told only while the device is bound in that direction: the status has rates
 * of 0 for what waits, which nothing measured.
 */
enum ways { NONE, BOTH, MEASURED };

/* A family whose value is a number or a boolean of the status as it is. */
struct family {
	const char *name; /* without _total */
	enum kind kind;
	enum subject subject;
	enum ways ways;
	const char *key;  /* of the status' object; null and what is not there have no sample */
	const char *when; /* another key, which says when the counter was read: no sample where that is 0; NULL: always */
	double scale;
	const char *help;
};

static const struct family families[] = {
	{ "divvy_uplink_present", GAUGE, UPLINK, NONE, "present", NULL, 1, "Whether there is such an interface now." },
	{ "divvy_uplink_capacity_bytes_per_second", GAUGE, UPLINK, BOTH, "capacity_bps", NULL, BITS_TO_BYTES,
	  "Capacity that is divided." },
	{ "divvy_uplink_delivered_bytes_per_second", GAUGE, UPLINK, BOTH, "delivered_bps", NULL, BITS_TO_BYTES,
	  "What its devices got, over the latest window." },
	{ "divvy_network_share", GAUGE, NETWORK, BOTH, "share", NULL, 1, "Weight among its siblings." },
	{ "divvy_network_reserve_bytes_per_second", GAUGE, NETWORK, BOTH, "reserve_bps", NULL, BITS_TO_BYTES,
	  "What the network is guaranteed." },
	{ "divvy_network_limit_bytes_per_second", GAUGE, NETWORK, BOTH, "limit_bps", NULL, BITS_TO_BYTES,
	  "The network's ceiling." },
	{ "divvy_network_entitled_bytes_per_second", GAUGE, NETWORK, BOTH, "entitled_bps", NULL, BITS_TO_BYTES,
	  "What the specification gives the network now." },
	{ "divvy_network_delivered_bytes_per_second", GAUGE, NETWORK, BOTH, "delivered_bps", NULL, BITS_TO_BYTES,
	  "What its devices got, over the latest window." },
	{ "divvy_network_violations", COUNTER, NETWORK, BOTH, VIOLATIONS, NULL, 1,
	  "How often the network got less than it was entitled to." },
	{ "divvy_network_settle_seconds", GAUGE, NETWORK, BOTH, SETTLE, NULL, MS_TO_S,
	  "From the latest change until what was delivered had followed it." },
	{ "divvy_device_share", GAUGE, DEVICE, BOTH, "share", NULL, 1, "Weight among its siblings." },
	{ "divvy_device_reserve_bytes_per_second", GAUGE, DEVICE, BOTH, "reserve_bps", NULL, BITS_TO_BYTES,
	  "What the device is guaranteed." },
	{ "divvy_device_limit_bytes_per_second", GAUGE, DEVICE, BOTH, "limit_bps", NULL, BITS_TO_BYTES,
	  "The device's ceiling." },
	{ "divvy_device_entitled_bytes_per_second", GAUGE, DEVICE, MEASURED, "entitled_bps", NULL, BITS_TO_BYTES,
	  "What the specification gives the device now." },
	{ "divvy_device_delivered_bytes_per_second", GAUGE, DEVICE, MEASURED, "delivered_bps", NULL, BITS_TO_BYTES,
	  "What the device got, over the latest window." },
	{ "divvy_device_delivered_bytes", COUNTER, DEVICE, MEASURED, "sent_bytes", "sent_ns", 1,
	  "Bytes that left the device's queue." },
	{ "divvy_device_delivered_packets", COUNTER, DEVICE, MEASURED, "sent_packets", "sent_ns", 1,
	  "Packets that left the device's queue." },
	{ "divvy_device_offered_bytes", COUNTER, DEVICE, MEASURED, "offered_bytes", "offered_ns", 1,
	  "Bytes that came to the queue." },
	{ "divvy_device_offered_packets", COUNTER, DEVICE, MEASURED, "offered_packets", "offered_ns", 1,
	  "Packets that came to the queue." },
	{ "divvy_device_violations", COUNTER, DEVICE, MEASURED, VIOLATIONS, NULL, 1,
	  "How often the device got less than it was entitled to." },
	{ "divvy_device_settle_seconds", GAUGE, DEVICE, MEASURED, SETTLE, NULL, MS_TO_S,
	  "From the latest change until what was delivered had followed it." },
	{ "divvy_device_send_buffer_bytes", GAUGE, DEVICE, NONE, "sndbuf_bytes", NULL, 1,
	  "The tap's send buffer, 0: not set." },
};

/* --- the formats ------------------------------------------------------------------------------------------ */

struct writer {
	struct text *to;
	bool open; /* OpenMetrics */
	const char *name, *help; /* of the family whose samples come */
	enum kind kind;
	bool begun;              /* it has one */
};

/* A family without samples is not mentioned. */
static void begin(struct writer *w, const char *name, enum kind kind, const char *help)
{
	w->name = name;
	w->kind = kind;
	w->help = help;
	w->begun = false;
}

static void put_head(struct writer *w)
{
	/* The older format names a counter's family as its samples. */
	const char *suffix = w->kind == COUNTER && !w->open ? "_total" : "";

	text_printf(w->to, "# HELP %s%s %s\n# TYPE %s%s %s\n", w->name, suffix, w->help, w->name, suffix,
		    w->kind == COUNTER ? "counter" : "gauge");
	w->begun = true;
}

static void put_label(struct text *to, const char *key, const char *value)
{
	text_puts(to, key);
	text_puts(to, "=\"");
	for (; *value; value++) {
		size_t plain = strcspn(value, "\\\"\n");

		text_put(to, value, plain);
		value += plain;
		if (!*value)
			break;
		text_puts(to, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
	}
	text_puts(to, "\"");
}

struct label {
	const char *key, *value; /* value NULL: the label is left out */
};

#define LABELS_MAX 4

/* Most are whole numbers, for which printf() takes half the time of all. */
static void put_number(struct text *to, double v)
{
	char digits[32], *at = digits + sizeof(digits);

	if (v < 0 || v >= 9e15 || v != (double)(uint64_t)v) {
		text_printf(to, "%.17g\n", v);
		return;
	}
	*--at = '\n';
	for (uint64_t n = (uint64_t)v; at == digits + sizeof(digits) - 1 || n; n /= 10)
		*--at = (char)('0' + n % 10);
	text_put(to, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_sample(struct writer *w, const struct label labels[LABELS_MAX], double v)
{
	bool any = false;

	if (!w->begun)
		put_head(w);
	text_puts(w->to, w->name);
	text_puts(w->to, w->kind == COUNTER ? "_total" : "");
	for (size_t i = 0; i < LABELS_MAX; i++) {
		if (!labels[i].value)
			continue;
		text_puts(w->to, any ? "," : "{");
		put_label(w->to, labels[i].key, labels[i].value);
		any = true;
	}
	text_puts(w->to, any ? "} " : " ");
	put_number(w->to, v);
}

static void put_one(struct writer *w, const char *name, const char *help, double v)
{
	const struct label none[LABELS_MAX] = { 0 };

	begin(w, name, GAUGE, help);
	put_sample(w, none, v);
}

static const char *const directions[] = { "tx", "rx" };

/* --- what the status says ------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static double violations(const json_t *conformance)
{
	if (!json_is_object(conformance))
		return NAN;
	return json_number_value(json_object_get(conformance, "reserve_missed")) +
	       json_number_value(json_object_get(conformance, "below_entitlement"));
}

/* NAN: nothing was measured. */
static double value_of(const struct family *f, const json_t *o)
{
	const json_t *v = json_object_get(o, f->key);

	if (strcmp(f->key, SETTLE) == 0)
		v = json_object_get(json_object_get(o, "conformance"), SETTLE);
	if (strcmp(f->key, VIOLATIONS) == 0)
		return violations(json_object_get(o, "conformance"));
	if (f->when && json_integer_value(json_object_get(o, f->when)) == 0)
		return NAN;
	if (json_is_boolean(v))
		return json_is_true(v);
	return json_is_number(v) ? json_number_value(v) * f->scale : NAN;
}

static const char *name_key(enum subject s)
{
	return s == UPLINK ? NULL : s == NETWORK ? "network" : "device";
}

static bool is_bound(const json_t *o)
{
	return strcmp(text_of(o, "state"), "bound") == 0;
}

/* o: what the samples are of. */
static void put_values(struct writer *w, const struct family *f, const json_t *o, const char *uplink, const char *name)
{
	const json_t *of[] = { o, f->ways == NONE ? NULL : json_object_get(o, "rx") };

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		const struct label labels[LABELS_MAX] = { { "uplink", uplink }, { name_key(f->subject), name },
							  { "direction", f->ways == NONE ? NULL : directions[i] } };
		double v;

		if (!json_is_object(of[i]) || (f->ways == MEASURED && !is_bound(of[i])))
			continue;
		v = value_of(f, of[i]);
		if (!isnan(v))
			put_sample(w, labels, v);
	}
}

static void put_family(struct writer *w, const struct family *f, const json_t *status)
{
	const json_t *uplink, *one;
	size_t i, j;

	begin(w, f->name, f->kind, f->help);
	json_array_foreach(json_object_get(status, "uplinks"), i, uplink) {
		const char *of = text_of(uplink, "name");

		if (f->subject == UPLINK)
			put_values(w, f, uplink, of, NULL);
		else
			json_array_foreach(json_object_get(uplink, f->subject == NETWORK ? "networks" : "devices"), j, one)
				put_values(w, f, one, of, text_of(one, "name"));
	}
}

/* Called for each device. */
typedef void put_device(struct writer *w, const char *uplink, const json_t *device);

static void put_devices(struct writer *w, const json_t *status, put_device *put)
{
	const json_t *uplink, *device;
	size_t i, j;

	json_array_foreach(json_object_get(status, "uplinks"), i, uplink)
		json_array_foreach(json_object_get(uplink, "devices"), j, device)
			put(w, text_of(uplink, "name"), device);
}

static void put_drops(struct writer *w, const char *uplink, const json_t *d)
{
	static const struct {
		const char *cause, *key;
	} causes[] = { { "queue", "dropped_packets" }, { "burst", "burst_dropped_packets" } };
	const json_t *of[] = { d, json_object_get(d, "rx") };

	for (size_t dir = 0; dir < ARRAY_SIZE(of); dir++)
		for (size_t i = 0; i < ARRAY_SIZE(causes) && is_bound(of[dir]); i++) {
			const json_t *v = json_object_get(of[dir], causes[i].key);
			const struct label labels[LABELS_MAX] = { { "uplink", uplink },
								  { "device", text_of(d, "name") },
								  { "direction", directions[dir] },
								  { "cause", causes[i].cause } };

			if (json_is_number(v))
				put_sample(w, labels, json_number_value(v));
		}
}

/* Where in put_state()'s list. */
static size_t state_of(const json_t *flow)
{
	static const size_t bound[] = { [ANSWER_DIVIDED] = 0, [ANSWER_UNDIVIDED] = 2, [ANSWER_NOT_KNOWN] = 3 };

	return is_bound(flow) ? bound[answer_divided(flow)] : 1;
}

/* What is received waits for itself where a device is bound and has no place for the filter. */
static void put_state(struct writer *w, const char *uplink, const json_t *d)
{
	static const char *const states[] = { "bound", "waiting", "undivided", "unknown" };
	const json_t *of[] = { d, json_object_get(d, "rx") };

	for (size_t dir = 0; dir < ARRAY_SIZE(of); dir++)
		for (size_t i = 0; i < ARRAY_SIZE(states) && json_is_object(of[dir]); i++) {
			const struct label labels[LABELS_MAX] = { { "uplink", uplink },
								  { "device", text_of(d, "name") },
								  { "direction", directions[dir] },
								  { "state", states[i] } };

			put_sample(w, labels, i == state_of(of[dir]));
		}
}

static void put_backpressure(struct writer *w, const char *uplink, const json_t *d)
{
	const struct label labels[LABELS_MAX] = { { "uplink", uplink }, { "device", text_of(d, "name") } };

	if (is_bound(d))
		put_sample(w, labels, strcmp(text_of(d, "backpressure"), "on") == 0);
}

static void put_repaired(struct writer *w, const char *uplink, const json_t *d)
{
	const struct label labels[LABELS_MAX] = { { "uplink", uplink }, { "device", text_of(d, "name") } };
	const json_t *total = json_object_get(json_object_get(d, "repaired"), "total");

	if (json_is_number(total))
		put_sample(w, labels, json_number_value(total));
}

static void put_cpu(struct writer *w, const char *uplink, const json_t *d, const char *key)
{
	const struct label labels[LABELS_MAX] = { { "uplink", uplink }, { "device", text_of(d, "name") } };
	const json_t *ns = json_object_get(json_object_get(d, "cpu"), key);

	if (json_is_number(ns))
		put_sample(w, labels, json_number_value(ns) * NS_TO_S);
}

static void put_cpu_entitled(struct writer *w, const char *uplink, const json_t *d)
{
	put_cpu(w, uplink, d, "entitled_ns");
}

static void put_cpu_used(struct writer *w, const char *uplink, const json_t *d)
{
	put_cpu(w, uplink, d, "used_ns");
}

/* Families whose values are made of more than one field. */
static const struct made {
	const char *name;
	enum kind kind;
	const char *help;
	put_device *put;
} made[] = {
	{ "divvy_device_dropped_packets", COUNTER,
	  "Packets dropped: at the device's queue, and by the kernel before it (net.core.qdisc_max_burst).", put_drops },
	{ "divvy_device_state", GAUGE, "1 for the state that the device is in, 0 for the others; in each direction.", put_state },
	{ "divvy_device_backpressure", GAUGE, "Whether the device's packets wait without loss.", put_backpressure },
	{ "divvy_device_repaired", COUNTER, "What other programs changed of divvy's, and divvyd put right.", put_repaired },
	{ "divvy_device_cpu_entitled_seconds", COUNTER, "CPU time that the VM's share was worth.", put_cpu_entitled },
	{ "divvy_device_cpu_used_seconds", COUNTER, "CPU time that the VM used.", put_cpu_used },
};

static void put_status(struct writer *w, const json_t *status)
{
	const json_t *from = json_object_get(status, "specification");

	put_one(w, "divvy_warnings", "What is likely a mistake: divvy status tells.",
		(double)json_array_size(json_object_get(status, "warnings")));
	put_one(w, "divvy_unclaimed_nics", "vNICs of VMs that no device claims.",
		(double)json_array_size(json_object_get(status, "unclaimed")));
	put_one(w, "divvy_specification_unsaved", "Whether what runs would not survive a restart.",
		text_of(from, "unsaved")[0] != '\0');
	put_one(w, "divvy_specification_lost", "Whether the state was lost, and what runs is not known.",
		json_is_true(json_object_get(from, "as_found")));
	put_one(w, "divvy_specification_differs_from_file", "Whether the system's file says something else than what runs.",
		json_is_true(json_object_get(from, "differs_from_file")));
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		put_family(w, &families[i], status);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		begin(w, made[i].name, made[i].kind, made[i].help);
		put_devices(w, status, made[i].put);
	}
}

void metrics_write(const struct metrics_source *from, bool openmetrics, struct text *to)
{
	struct writer w = { .to = to, .open = openmetrics };
	const struct label version[LABELS_MAX] = { { "version", from->version } };

	begin(&w, "divvy_exporter_build_info", GAUGE, "The exporter's version.");
	put_sample(&w, version, 1);
	put_one(&w, "divvy_up", "Whether divvyd answered.", from->status != NULL);
	put_one(&w, "divvy_status_seconds", "How long divvyd's answer took.", from->seconds);
	if (from->status)
		put_status(&w, from->status);
	if (openmetrics)
		text_puts(to, "# EOF\n");
}

/* --- Accept: --------------------------------------------------------------------------------------------------- */

/* The q of one media range, 1 where it has none. */
static double quality(const char *range, size_t len)
{
	char copy[256];
	const char *q;

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, range, len);
	copy[len] = '\0';
	q = strstr(copy, "q=");
	return q ? strtod(q + 2, NULL) : 1;
}

bool metrics_wants_openmetrics(const char *accept)
{
	static const char open[] = "application/openmetrics-text", plain[] = "text/plain";
	double best_open = 0, best_plain = 0;

	for (const char *at = accept; at && *at;) {
		size_t len = strcspn(at, ","), blanks = strspn(at, " \t");
		const char *range = at + blanks;
		double q = len > blanks ? quality(range, len - blanks) : 0;

		if (len - blanks >= strlen(open) && strncmp(range, open, strlen(open)) == 0 &&
		    !memmem(range, len - blanks, "version=0", strlen("version=0"))) {
			if (q > best_open)
				best_open = q;
		} else if (strncmp(range, plain, strlen(plain)) == 0 && q > best_plain) {
			best_plain = q;
		}
		at += len + (at[len] == ',');
	}
	return best_open > 0 && best_open >= best_plain;
}
