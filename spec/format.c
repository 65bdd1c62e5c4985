/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model to text. The text leaves out what equals a default, so that a file does not grow when it is read
 * and written. The networks and the devices right below a node are two lists; the kind that comes first in the model comes
 * first.
 */
#include "quote.h"
#include "schema.h"
#include "spec.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

/* Words that a reader of YAML 1.1 takes for null or a boolean (section 10). */
static bool is_yaml_word(const char *s)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i], s) == 0)
			return true;
	return false;
}

/* Without quotes if no YAML reader can take it for a number, a date, a word or punctuation. */
static void put_string(FILE *f, const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (s[0] && strchr(letters, s[0]) && s[strspn(s, others)] == '\0' && !is_yaml_word(s)) {
		fputs(s, f);
		return;
	}
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void put_time(FILE *f, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { NSEC_PER_SEC, "s" }, { NSEC_PER_MSEC, "ms" }, { NSEC_PER_USEC, "us" }, { 1, "ns" } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (ns % units[i].ns == 0) {
			fprintf(f, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].unit);
			return;
		}
	}
}

static void put_schedule(FILE *f, const struct schedule *s)
{
	const struct schedule *d = &schedule_default;
	const char *separator = "schedule: {";

/* Writes "key: " if the value is not the default. True: the value follows. */
#define PUT_KEY(key, differs) ((differs) && (fprintf(f, "%s" key ": ", separator), separator = ", ", true))
	if (PUT_KEY("resource", s->resource != d->resource))
		fputs(schema_resources[s->resource], f);
	if (PUT_KEY("policy", strcmp(s->policy, d->policy) != 0))
		fputs(s->policy, f);
	if (PUT_KEY("slot", s->slot_ns != d->slot_ns))
		put_time(f, s->slot_ns);
	if (PUT_KEY("slots", s->slots != d->slots))
		fprintf(f, "%u", s->slots);
	if (PUT_KEY("lanes", s->lanes != d->lanes))
		fprintf(f, "%u", s->lanes);
	if (PUT_KEY("gate", s->gate != d->gate))
		fputs(gate_names[s->gate], f);
	if (PUT_KEY("burst", s->burst_ns != d->burst_ns))
		put_time(f, s->burst_ns);
	if (PUT_KEY("strict", s->strict != d->strict))
		fputs(s->strict ? "true" : "false", f);
	if (PUT_KEY("spread", s->spread != d->spread))
		fputs(s->spread ? "true" : "false", f);
#undef PUT_KEY
	if (separator[0] == ',')
		fputs("}\n", f);
}

/* In the units of tc(8), the largest that it is a whole number of. */
static void put_size(FILE *f, uint64_t bytes)
{
	if (bytes % (1 << 20) == 0)
		fprintf(f, "%llumb", (unsigned long long)(bytes >> 20));
	else if (bytes % (1 << 10) == 0)
		fprintf(f, "%llukb", (unsigned long long)(bytes >> 10));
	else
		fprintf(f, "%llub", (unsigned long long)bytes);
}

static void put_burst(FILE *f, uint64_t burst, const char *separator)
{
	if (!burst)
		return;
	fprintf(f, "%sburst: ", separator);
	put_size(f, burst);
}

/* What it receives. A mapping says at least one key. */
static void put_rx(FILE *f, const struct node *node, const char *separator)
{
	char rate[UNITS_RATE_SIZE];

	if (node->rx_mode == RX_SAME)
		fprintf(f, "%srx: same", separator);
	if (node->rx_mode != RX_OWN)
		return;
	fprintf(f, "%srx: {share: %u", separator, node->rx.share.weight);
	if (node->rx.reserve.bytes_ps)
		fprintf(f, ", reserve: %s", units_format_rate(node->rx.reserve, rate));
	if (!rate_is_unlimited(node->rx.limit))
		fprintf(f, ", limit: %s", units_format_rate(node->rx.limit, rate));
	put_burst(f, node->rx.burst, ", ");
	fputc('}', f);
}

/* What a device, a network and others have alike; the separator stands in front of each. */
static void put_terms(FILE *f, const struct node *node, const char *separator)
{
	char rate[UNITS_RATE_SIZE];

	if (node->share.weight != SHARE_DEFAULT.weight)
		fprintf(f, "%sshare: %u", separator, node->share.weight);
	if (node->reserve.bytes_ps)
		fprintf(f, "%sreserve: %s", separator, units_format_rate(node->reserve, rate));
	if (!rate_is_unlimited(node->limit))
		fprintf(f, "%slimit: %s", separator, units_format_rate(node->limit, rate));
	put_burst(f, node->burst, separator);
	put_rx(f, node, separator);
}

static void put_device(FILE *f, const struct node *node)
{
	static const char *const selectors[] = {
		[SELECT_NIC] = "nic", [SELECT_VM] = "vm", [SELECT_MAC] = "mac", [SELECT_CONTAINER] = "container"
	};

	fputs("- {name: ", f);
	put_string(f, node->name);
	fprintf(f, ", %s: ", selectors[node->select]);
	put_string(f, node->selector);
	if (node->as != AS_EACH)
		fprintf(f, ", as: %s", schema_as[node->as]);
	put_terms(f, node, ", ");
	if (node->backpressure != BACKPRESSURE_AUTO)
		fprintf(f, ", backpressure: %s", schema_backpressures[node->backpressure]);
	if (node->hook != PLACE_LAST)
		fprintf(f, ", hook: %s", schema_hooks[node->hook]);
	if (node->force)
		fputs(", force: true", f);
	fputs("}\n", f);
}

/* "  - " for lists right below an uplink, two more for each network in between. */
static void put_indent(FILE *f, unsigned int deep)
{
	fprintf(f, "%*s", (int)(2 * deep), "");
}

/* The devices right below parent, as a list. */
static void put_devices(FILE *f, const struct model *m, uint32_t parent, unsigned int deep)
{
	size_t end = model_end(m, parent);
	bool any = false;

	for (uint32_t i = parent + 1; i < end; i++) {
		if (m->nodes[i].kind != NODE_DEVICE || m->nodes[i].parent != parent)
			continue;
		if (!any) {
			put_indent(f, deep);
			fputs("devices:\n", f);
		}
		any = true;
		put_indent(f, deep);
		put_device(f, &m->nodes[i]);
	}
}

static void put_children(FILE *f, const struct model *m, uint32_t parent, unsigned int deep);

static void put_network(FILE *f, const struct model *m, uint32_t i, unsigned int deep)
{
	char separator[2 * MODEL_NETWORKS_DEEP + 4];

	put_indent(f, deep);
	fputs("- name: ", f);
	put_string(f, m->nodes[i].name);
	snprintf(separator, sizeof(separator), "\n%*s", (int)(2 * deep + 2), "");
	put_terms(f, &m->nodes[i], separator);
	fputc('\n', f);
	put_children(f, m, i, deep + 1);
}

static void put_networks(FILE *f, const struct model *m, uint32_t parent, unsigned int deep)
{
	bool any = false;
	size_t next;

	for (size_t i = parent + 1; i < model_end(m, parent); i = next) {
		const struct node *node = &m->nodes[i];

		next = model_end(m, i);
		if (node->kind != NODE_NETWORK || node->others)
			continue;
		if (!any) {
			put_indent(f, deep);
			fputs("networks:\n", f);
		}
		any = true;
		put_network(f, m, (uint32_t)i, deep);
	}
}

static void put_others(FILE *f, const struct model *m, uint32_t uplink)
{
	size_t next;

	for (size_t i = uplink + 1; i < model_end(m, uplink); i = next) {
		struct node terms = m->nodes[i];

		next = model_end(m, i);
		if (!terms.others)
			continue;
		fprintf(f, "  others: {share: %u", terms.share.weight);
		terms.share = SHARE_DEFAULT; /* it is said */
		put_terms(f, &terms, ", ");
		fputs("}\n", f);
	}
}

/* The devices and networks right below parent: first the kind that comes first. */
static void put_children(FILE *f, const struct model *m, uint32_t parent, unsigned int deep)
{
	size_t first = parent + 1, end = model_end(m, parent);

	while (first < end && m->nodes[first].others)
		first = model_end(m, first);
	/* A network must have the key, even if it has no device. */
	if (first == end && m->nodes[parent].kind == NODE_NETWORK) {
		put_indent(f, deep);
		fputs("devices: []\n", f);
	}
	if (first < end && m->nodes[first].kind == NODE_DEVICE) {
		put_devices(f, m, parent, deep);
		put_networks(f, m, parent, deep);
	} else {
		put_networks(f, m, parent, deep);
		put_devices(f, m, parent, deep);
	}
}

static void put_uplink(FILE *f, const struct model *m, uint32_t i)
{
	const struct node *node = &m->nodes[i];
	char rate[UNITS_RATE_SIZE], of_link[UNITS_OF_LINK_SIZE];

	fputs("- name: ", f);
	put_string(f, node->name);
	fprintf(f, "\n  capacity: %s", node->of_link.ppm ? units_format_of_link(node->of_link, of_link) :
							    units_format_rate(node->limit, rate));
	put_burst(f, node->burst, "\n  ");
	if (node->rx_mode == RX_OWN)
		fprintf(f, "\n  rx_capacity: %s", units_format_rate(node->rx.limit, rate));
	fputc('\n', f);
	if (node->overhead != MODEL_OVERHEAD_DEFAULT)
		fprintf(f, "  overhead: %u\n", node->overhead);
	put_children(f, m, i, 1);
	put_others(f, m, i);
}

char *spec_format(const struct model *m)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	bool failed;
	FILE *f;

	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	put_schedule(f, &m->schedule);
	fputs(m->n_nodes ? "uplinks:\n" : "uplinks: []\n", f);
	for (uint32_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_UPLINK)
			put_uplink(f, m, i);
	failed = ferror(f);
	/* fclose() completes the buffer. */
	if (fclose(f) != 0 || failed)
		return NULL;
	return TAKE_PTR(text);
}
