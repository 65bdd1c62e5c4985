/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include "base/cleanup.h"
#include "base/words.h"
#include "core/slots/rounds.h"

#include <stdio.h>
#include <string.h>

/* No synonym of a key is longer, characters. */
#define SYNONYM_MAX 16

/* clang-format off: tables */
const char *const schema_resources[] = { [RESOURCE_DEVICE] = "device", [RESOURCE_CPU] = "cpu", NULL };
const char *const schema_backpressures[] = {
	[BACKPRESSURE_AUTO] = "auto", [BACKPRESSURE_ON] = "on", [BACKPRESSURE_OFF] = "off", NULL
};
const char *const schema_as[] = { [AS_EACH] = "each", [AS_ONE] = "one", NULL };
const char *const schema_hooks[] = { [PLACE_LAST] = "last", [PLACE_FIRST] = "first", [PLACE_TCX] = "tcx", NULL };

#define NAME_EXPECTED "a name of letters, digits, '.', '_' and '-', at most 63"
#define RATE_EXPECTED "a rate, such as 100mbit"
#define SHARE_EXPECTED "a whole number from 1 to 1000000, such as 60"

#define NAME_FIELD                                                                             \
	{                                                                                      \
		.key = "name", .expected = NAME_EXPECTED, .parse = field_name,                 \
		.offset = offsetof(struct node, name), .flags = FIELD_REQUIRED, .also = " id " \
	}
#define SHARE_FIELD(at)                                                           \
	{                                                                         \
		.key = "share", .expected = SHARE_EXPECTED, .parse = field_share, \
		.offset = (at), .flags = FIELD_SET,       \
		.also = " weight prio priority ratio percent portion "            \
	}
#define RESERVE_FIELD(at)                                                                    \
	{                                                                                    \
		.key = "reserve", .expected = RATE_EXPECTED ", or none",                     \
		.parse = field_reserve, .offset = (at),            \
		.flags = FIELD_SET, .also = " reservation guarantee guaranteed min minimum floor " \
	}
#define LIMIT_FIELD(at)                                                           \
	{                                                                         \
		.key = "limit", .expected = RATE_EXPECTED ", or none",            \
		.parse = field_limit, .offset = (at),     \
		.flags = FIELD_SET,                                               \
		.also = " ceil ceiling max maximum rate cap bandwidth "           \
	}
#define BURST_FIELD(at)                                                                  \
	{                                                                                \
		.key = "burst", .expected = "bytes from 1514b to 256mb, or none",        \
		.parse = field_burst, .offset = (at),            \
		.flags = FIELD_SET, .min = SPEC_BURST_MIN, .max = SPEC_BURST_MAX,        \
		.also = " bucket cburst "                                                \
	}

#define RX_FIELD                                                                                        \
	{                                                                                               \
		.key = "rx", .expected = "same, none, or a mapping such as {share: 60}", .parse = field_rx, \
		.object = &schema_rx, .flags = FIELD_TERMS | FIELD_SET,                                 \
		.also = " receive download inbound incoming "                                           \
	}

const struct object schema_rx = {
	.what = "rx",
	.n_fields = 4,
	.fields = {
		SHARE_FIELD(offsetof(struct terms, share)),
		RESERVE_FIELD(offsetof(struct terms, reserve)),
		LIMIT_FIELD(offsetof(struct terms, limit)),
		BURST_FIELD(offsetof(struct terms, burst)),
	},
};

const struct object schema_device = {
	.what = "a device",
	.kind = NODE_DEVICE,
	.n_fields = 14,
	.fields = {
		NAME_FIELD,
		{ .key = "nic", .expected = "an interface name of at most 15 characters, or a pattern such as \"tap*\"", .parse = field_nic,
		  .also = " interface iface ifname dev device tap vnic ", .flags = FIELD_SELECTOR },
		{ .key = "vm", .expected = "the name of a VM, as divvy discover shows it, or a pattern such as \"web-*\"", .parse = field_vm,
		  .also = " domain guest ", .flags = FIELD_SELECTOR },
		{ .key = "mac", .parse = field_mac,
		  .expected = "a MAC address, such as \"52:54:00:aa:bb:cc\", or a pattern such as \"52:54:00:*\"",
		  .also = " address lladdr hwaddr ", .flags = FIELD_SELECTOR },
		{ .key = "container", .parse = field_container,
		  .expected = "a pid, a cgroup such as /web.slice, or the name of a network namespace",
		  .also = " netns cgroup pod docker ", .flags = FIELD_SELECTOR },
		{ .key = "as", .parse = field_word, .words = schema_as, .expected = "each or one",
		  .offset = offsetof(struct node, as) },
		SHARE_FIELD(offsetof(struct node, share)),
		RESERVE_FIELD(offsetof(struct node, reserve)),
		LIMIT_FIELD(offsetof(struct node, limit)),
		BURST_FIELD(offsetof(struct node, burst)),
		RX_FIELD,
		{ .key = "backpressure", .parse = field_word, .words = schema_backpressures,
		  .expected = "auto, on or off", .offset = offsetof(struct node, backpressure) },
		{ .key = "hook", .parse = field_word, .words = schema_hooks,
		  .expected = "last, first or tcx", .offset = offsetof(struct node, hook) },
		{ .key = "force", .parse = field_bool, .expected = "true or false",
		  .offset = offsetof(struct node, force) },
	},
};

const struct object schema_network = {
	.what = "a network",
	.kind = NODE_NETWORK,
	.n_fields = 8,
	.fields = {
		NAME_FIELD,
		SHARE_FIELD(offsetof(struct node, share)),
		RESERVE_FIELD(offsetof(struct node, reserve)),
		LIMIT_FIELD(offsetof(struct node, limit)),
		BURST_FIELD(offsetof(struct node, burst)),
		RX_FIELD,
		{ .key = "devices", .expected = "a list of devices", .object = &schema_device,
		  .flags = FIELD_LIST | FIELD_CONTENT, .also = " vms nics " },
		{ .key = "networks", .expected = "a list of networks", .object = &schema_network,
		  .flags = FIELD_LIST | FIELD_CONTENT, .also = " groups tenants " },
	},
};

/* Every vNIC that no device names. */
const struct object schema_others = {
	.what = "others",
	.kind = NODE_NETWORK,
	.n_fields = 5,
	.fields = {
		SHARE_FIELD(offsetof(struct node, share)),
		RESERVE_FIELD(offsetof(struct node, reserve)),
		LIMIT_FIELD(offsetof(struct node, limit)),
		BURST_FIELD(offsetof(struct node, burst)),
		RX_FIELD,
	},
};

const struct object schema_uplink = {
	.what = "an uplink",
	.kind = NODE_UPLINK,
	.n_fields = 8,
	.fields = {
		NAME_FIELD,
		{ .key = "capacity", .expected = "a rate, such as 10gbit, or link, or 95% of link", .parse = field_capacity,
		  .flags = FIELD_REQUIRED | FIELD_SET,
		  .also = " bandwidth speed rate limit " },
		BURST_FIELD(offsetof(struct node, burst)),
		{ .key = "rx_capacity", .expected = RATE_EXPECTED ", or same", .parse = field_rx_capacity,
		  .flags = FIELD_SET, .also = " receive_capacity download " },
		{ .key = "overhead", .expected = "bytes a frame, from 0 to 256", .parse = field_overhead,
		  .offset = offsetof(struct node, overhead), .max = SPEC_OVERHEAD_MAX },
		{ .key = "networks", .expected = "a list of networks", .object = &schema_network,
		  .flags = FIELD_LIST, .also = " groups tenants " },
		{ .key = "devices", .expected = "a list of devices", .object = &schema_device,
		  .flags = FIELD_LIST, .also = " vms nics " },
		{ .key = "others", .expected = "a mapping such as {share: 1}", .object = &schema_others,
		  .flags = FIELD_NODE, .also = " default rest unlisted " },
	},
};

const struct object schema_schedule = {
	.what = "schedule",
	.n_fields = 9,
	.fields = {
		{ .key = "resource", .parse = field_word, .words = schema_resources,
		  .expected = "device or cpu", .offset = offsetof(struct schedule, resource) },
		{ .key = "policy", .parse = field_policy,
		  .expected = "the name of a policy, such as paper",
		  .offset = offsetof(struct schedule, policy), .also = " scheduler algorithm " },
		{ .key = "slot", .parse = field_time, .expected = "a time from 1ms to 1s",
		  .offset = offsetof(struct schedule, slot_ns), .min = NSEC_PER_MSEC, .max = NSEC_PER_SEC,
		  .also = " timeslice quantum " },
		{ .key = "slots", .parse = field_count, .expected = "a whole number from 1 to 100000",
		  .offset = offsetof(struct schedule, slots), .min = 1, .max = 100000 },
		{ .key = "lanes", .parse = field_count, .expected = "a whole number from 1 to 128",
		  .offset = offsetof(struct schedule, lanes), .min = 1, .max = ROUNDS_LANES_MAX,
		  .also = " cores cpus " },
		{ .key = "gate", .parse = field_word, .words = gate_names, .expected = "freeze or quota",
		  .offset = offsetof(struct schedule, gate) },
		{ .key = "burst", .parse = field_time, .expected = "a time from 1ms to 3600s, or no such key",
		  .offset = offsetof(struct schedule, burst_ns), .min = NSEC_PER_MSEC,
		  .max = 3600 * NSEC_PER_SEC },
		{ .key = "strict", .parse = field_bool, .expected = "true or false",
		  .offset = offsetof(struct schedule, strict) },
		{ .key = "spread", .parse = field_bool, .expected = "true or false",
		  .offset = offsetof(struct schedule, spread) },
	},
};

const struct object schema_root = {
	.what = "the file",
	.n_fields = 3,
	.fields = {
		{ .key = "version", .parse = field_version, .expected = "1",
		  .offset = offsetof(struct preamble, version) },
		{ .key = "uplinks", .expected = "a list of uplinks", .object = &schema_uplink,
		  .flags = FIELD_LIST | FIELD_REQUIRED },
		{ .key = "schedule", .expected = "a mapping such as {resource: cpu}",
		  .object = &schema_schedule },
	},
};

/* clang-format on */

const struct field *schema_find(const struct object *o, const char *key)
{
	for (size_t i = 0; i < o->n_fields; i++)
		if (strcmp(o->fields[i].key, key) == 0)
			return &o->fields[i];
	return NULL;
}

const struct object *schema_of_node(const struct node *node)
{
	static const struct object *const by_kind[] = { [NODE_UPLINK] = &schema_uplink,
							[NODE_NETWORK] = &schema_network,
							[NODE_DEVICE] = &schema_device };

	return node->others ? &schema_others : by_kind[node->kind];
}

/* NULL-terminated. */
static void all_keys(const struct object *o, const char *keys[FIELDS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_fields; i++)
		keys[n++] = o->fields[i].key;
	keys[n] = NULL;
}

const char *schema_suggest(const struct object *o, const char *key)
{
	const char *keys[FIELDS_MAX + 1];
	char word[SYNONYM_MAX + 3];

	if (strlen(key) <= SYNONYM_MAX && !strchr(key, ' ')) {
		snprintf(word, sizeof(word), " %s ", key);
		for (size_t i = 0; i < o->n_fields; i++)
			if (o->fields[i].also && strcasestr(o->fields[i].also, word))
				return o->fields[i].key;
	}
	all_keys(o, keys);
	return words_nearest(keys, key);
}

const char *schema_keys(const struct object *o, char *buf, size_t size)
{
	const char *keys[FIELDS_MAX + 1];

	all_keys(o, keys);
	return words_list(keys, buf, size);
}
