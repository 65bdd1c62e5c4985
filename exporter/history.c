// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct series {
	char *uplink, *device; /* owned; device "": the uplink itself */
	const char *direction; /* "tx" or "rx"; a constant */
	float entitled[HISTORY_STEPS], delivered[HISTORY_STEPS]; /* bit/s, at step modulo; NAN: not known */
	uint64_t step; /* of the latest reading */
};

struct key {
	const char *uplink, *device, *direction; /* as those of a series; borrowed */
};

/* Sorted by uplink, device and direction. */
struct history {
	struct series *list;
	size_t n, size;
	uint64_t step; /* of the latest reading, since the clock began */
};

struct history *history_new(void)
{
	return calloc(1, sizeof(struct history));
}

static void forget(struct series *s)
{
	free(s->uplink);
	free(s->device);
}

void history_free(struct history *h)
{
	for (size_t i = 0; h && i < h->n; i++)
		forget(&h->list[i]);
	if (h)
		free(h->list);
	free(h);
}

static int compare(const struct series *s, const struct key *key)
{
	int r = strcmp(s->uplink, key->uplink);

	if (r == 0)
		r = strcmp(s->device, key->device);
	return r ? r : strcmp(s->direction, key->direction);
}

/* The series' place, or where it would stand. *found says which. */
static size_t place(const struct history *h, const struct key *key, bool *found)
{
	size_t low = 0, high = h->n;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int r = compare(&h->list[middle], key);

		if (r == 0) {
			*found = true;
			return middle;
		}
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes room at that place. NULL: out of memory. */
static struct series *insert(struct history *h, size_t at, const struct key *key)
{
	struct series s = { .uplink = strdup(key->uplink), .device = strdup(key->device), .direction = key->direction,
			    .step = h->step };

	if (h->n == h->size) {
		size_t size = h->size ? 2 * h->size : 64;
		struct series *bigger = reallocarray(h->list, size, sizeof(*bigger));

		if (bigger) {
			h->list = bigger;
			h->size = size;
		}
	}
	if (!s.uplink || !s.device || h->n == h->size) {
		forget(&s);
		return NULL;
	}
	for (size_t i = 0; i < HISTORY_STEPS; i++)
		s.entitled[i] = s.delivered[i] = NAN;
	memmove(&h->list[at + 1], &h->list[at], (h->n - at) * sizeof(s));
	h->list[at] = s;
	h->n++;
	return &h->list[at];
}

static float rate(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? (float)json_number_value(v) : NAN;
}

/* of: the status' object with the rates; entitled: the key of that one. */
static void add(struct history *h, const struct key *key, const json_t *of, const char *entitled)
{
	bool found;
	size_t at = place(h, key, &found);
	struct series *s = found ? &h->list[at] : insert(h, at, key);

	if (!s)
		return;
	/* Steps between the two readings had none. */
	for (uint64_t i = s->step + 1; i < h->step && i <= s->step + HISTORY_STEPS; i++)
		s->entitled[i % HISTORY_STEPS] = s->delivered[i % HISTORY_STEPS] = NAN;
	s->step = h->step;
	s->entitled[h->step % HISTORY_STEPS] = rate(of, entitled);
	s->delivered[h->step % HISTORY_STEPS] = rate(of, "delivered_bps");
}

/* What waits has rates of 0, which nothing measured; an uplink has no state. */
static bool is_measured(const json_t *of)
{
	const char *state = json_string_value(json_object_get(of, "state"));

	return json_is_object(of) && (!state || strcmp(state, "bound") == 0);
}

/* What is sent, and what is received where that is divided. */
static void add_both(struct history *h, struct key *key, const json_t *of, const char *entitled)
{
	const json_t *rx = json_object_get(of, "rx");

	key->direction = "tx";
	if (is_measured(of))
		add(h, key, of, entitled);
	key->direction = "rx";
	if (is_measured(rx))
		add(h, key, rx, entitled);
}

static const char *name_of(const json_t *o)
{
	return json_string_value(json_object_get(o, "name")) ?: "";
}

static void forget_old(struct history *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (h->list[i].step + HISTORY_STEPS <= h->step)
			forget(&h->list[i]);
		else
			h->list[kept++] = h->list[i];
	}
	h->n = kept;
}

void history_add(struct history *h, const json_t *status)
{
	uint64_t step = (uint64_t)json_integer_value(json_object_get(status, "monotonic_ns")) / HISTORY_STEP_NS;
	const json_t *uplink, *device;
	size_t i, j;

	if (step < h->step) /* the host was started anew under a proxy, say */
		return;
	h->step = step;
	json_array_foreach(json_object_get(status, "uplinks"), i, uplink) {
		struct key key = { .uplink = name_of(uplink), .device = "" };

		add_both(h, &key, uplink, "capacity_bps");
		json_array_foreach(json_object_get(uplink, "devices"), j, device) {
			key.device = name_of(device);
			add_both(h, &key, device, "entitled_bps");
		}
	}
	forget_old(h);
}

/* kbit/s, the oldest first. */
static void put_values(const struct history *h, const struct series *s, const float *values, struct text *to)
{
	for (uint64_t i = 0; i < HISTORY_STEPS; i++) {
		uint64_t step = h->step + 1 + i;
		float v = values[step % HISTORY_STEPS];

		/* step - HISTORY_STEPS is when it was read. */
		if (step > s->step + HISTORY_STEPS || isnan(v))
			text_puts(to, i ? ",null" : "null");
		else
			text_printf(to, "%s%.0f", i ? "," : "", (double)v / 1000);
	}
}

static void put_name(struct text *to, const char *key, const char *name)
{
	json_auto_t *j = json_string(name);
	_cleanup_free_ char *quoted = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;

	text_printf(to, "\"%s\":", key);
	text_puts(to, quoted ?: "\"\"");
}

void history_write(const struct history *h, struct text *to)
{
	text_printf(to, "{\"version\":1,\"step_ms\":%llu,\"steps\":%d,\"step\":%llu,\"series\":[",
		    (unsigned long long)(HISTORY_STEP_NS / NSEC_PER_MSEC), HISTORY_STEPS, (unsigned long long)h->step);
	for (size_t i = 0; i < h->n; i++) {
		const struct series *s = &h->list[i];

		text_puts(to, i ? ",{" : "{");
		put_name(to, "uplink", s->uplink);
		text_puts(to, ",");
		put_name(to, "device", s->device);
		text_printf(to, ",\"direction\":\"%s\",\"entitled_kbps\":[", s->direction);
		put_values(h, s, s->entitled, to);
		text_puts(to, "],\"delivered_kbps\":[");
		put_values(h, s, s->delivered, to);
		text_puts(to, "]}");
	}
	text_puts(to, "]}\n");
}
