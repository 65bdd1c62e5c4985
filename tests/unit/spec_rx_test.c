/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a specification says of what VMs receive: text to model and back, one key at a time, and each direction's model. */
#include "core/direction.h"
#include "spec/spec.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MBIT 125000ULL

static const char text[] = "uplinks:\n"
			   "- name: eno1\n"
			   "  capacity: 1gbit\n"
			   "  rx_capacity: 900mbit\n"
			   "  networks:\n"
			   "  - name: tenant-a\n"
			   "    share: 3\n"
			   "    rx: same\n"
			   "    devices:\n"
			   "    - {name: web, nic: vnet0, share: 60, limit: 950mbit, rx: same}\n"
			   "    - {name: db, nic: vnet1, share: 40, rx: {share: 7, reserve: 100mbit, limit: 200mbit, burst: 64kb}}\n"
			   "  - name: tenant-b\n"
			   "    share: 2\n"
			   "    devices:\n"
			   "    - {name: batch, nic: vnet2, share: 5}\n"
			   "  devices:\n"
			   "  - {name: cache, nic: vnet3, share: 9, rx: {share: 1}}\n"
			   "  others: {share: 1, rx: {share: 4}}\n";

static void parse(const char *t, struct model *m)
{
	struct spec_error err = { 0 };

	if (spec_parse(t, strlen(t), m, &err) < 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.text);
}

static void round_trip(void **state)
{
	_cleanup_(model_free) struct model m = { 0 };
	_cleanup_free_ char *again = NULL;

	(void)state;
	parse(text, &m);
	again = spec_format(&m);
	assert_string_equal(again, text);
}

static const struct node *named(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (strcmp(m->nodes[i].name, name) == 0)
			return &m->nodes[i];
	fail_msg("no %s", name);
	return NULL;
}

static void model_of_rx(void **state)
{
	static const struct {
		const char *name;
		bool part;
		uint32_t share;
		uint64_t limit, reserve, burst; /* Mbit/s; 0: none; bytes */
	} rows[] = {
		{ "eno1", true, 1, 900, 0, 0 },    { "tenant-a", true, 3, 0, 0, 0 },
		{ "web", true, 60, 0, 0, 0 },      { "db", true, 7, 200, 100, 65536 },
		{ "tenant-b", false, 1, 0, 0, 0 }, { "batch", false, 1, 0, 0, 0 },
		{ "cache", true, 1, 0, 0, 0 },     { "others", true, 4, 0, 0, 0 },
	};
	_cleanup_(model_free) struct model m = { 0 }, rx = { 0 };
	_cleanup_free_ bool *part = NULL;

	(void)state;
	parse(text, &m);
	assert_true(direction_is_used(&m, DIRECTION_RX));
	assert_int_equal(direction_model(&m, DIRECTION_RX, &rx), 0);
	part = direction_parts(&m, DIRECTION_RX);
	assert_int_equal(rx.n_nodes, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct node *n = named(&rx, rows[i].name);

		assert_int_equal(part[n - rx.nodes], rows[i].part);
		assert_int_equal(n->share.weight, rows[i].share);
		assert_int_equal(rate_is_unlimited(n->limit) ? 0 : n->limit.bytes_ps, rows[i].limit * MBIT);
		assert_int_equal(n->reserve.bytes_ps, rows[i].reserve * MBIT);
		assert_int_equal(n->burst, rows[i].burst);
	}
}

/* Without a word about it nothing is received by share; the capacity is the same in both directions. */
static void defaults(void **state)
{
	static const char plain[] = "uplinks:\n- name: eno1\n  capacity: 1gbit\n  devices:\n"
				    "  - {name: web, nic: vnet0}\n";
	static const char some[] = "uplinks:\n- name: eno1\n  capacity: 1gbit\n  devices:\n"
				   "  - {name: web, nic: vnet0, rx: same}\n";
	_cleanup_(model_free) struct model m = { 0 }, n = { 0 }, rx = { 0 };

	(void)state;
	parse(plain, &m);
	assert_false(direction_is_used(&m, DIRECTION_RX));
	parse(some, &n);
	assert_int_equal(direction_model(&n, DIRECTION_RX, &rx), 0);
	assert_int_equal(rx.nodes[0].limit.bytes_ps, 1000 * MBIT);
}

static void refusals(void **state)
{
	static const struct {
		const char *keys, *words;
		uint32_t column;
	} rows[] = {
		{ "rx: alike", "not such a word; expected same, none, or a mapping such as {share: 60}", 27 },
		{ "rx: [same]", "a list; expected same, none, or a mapping", 27 },
		{ "rx: {shares: 3}", "unknown key \"shares\" in rx; did you mean \"share\"?", 28 },
		{ "rx: {share: 0}", "share: ", 35 },
		{ "rx: {limit: 2gbit}", "limit 2gbit, expected 8kbit to 500mbit, its uplink's capacity (rx)", 27 },
		{ "rx: {reserve: 600mbit}", "(rx)", 27 },
		{ "reserve: 600mbit, rx: same", "(rx)", 45 },
		{ "download: same", "unknown key \"download\" in a device; did you mean \"rx\"?", 23 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(model_free) struct model m = { 0 };
		struct spec_error err = { 0 };
		char t[400];

		snprintf(t, sizeof(t),
			 "uplinks:\n- name: eno1\n  capacity: 1gbit\n  rx_capacity: 500mbit\n  devices:\n  - {name: a, nic: t, %s}\n",
			 rows[i].keys);
		assert_int_equal(spec_parse(t, strlen(t), &m, &err), -EINVAL);
		if (!strstr(err.text, rows[i].words) || err.line != 6 || err.column != rows[i].column)
			fail_msg("%s: %u:%u: %s", rows[i].keys, err.line, err.column, err.text);
	}
}

static void set(void **state)
{
	_cleanup_(model_free) struct model m = { 0 };
	struct spec_error err = { 0 };
	struct node *web, *batch;

	(void)state;
	parse(text, &m);
	web = &m.nodes[2];
	batch = &m.nodes[5];
	assert_string_equal(spec_node_key("rx.limit"), "rx.limit");
	assert_null(spec_node_key("rx.name"));
	assert_null(spec_node_key("hook")); /* it cannot be set, and is a key all the same */
	assert_true(spec_is_node_key("hook") && spec_is_node_key("overhead") && spec_is_node_key("devices"));
	assert_false(spec_is_node_key("slot"));
	/* what was the same is what it was, but for this key */
	assert_int_equal(spec_set_node(web, "rx.share", "5", &err), 0);
	assert_true(web->rx_mode == RX_OWN && web->rx.share.weight == 5);
	assert_int_equal(web->rx.limit.bytes_ps, 950 * MBIT);
	assert_int_equal(web->share.weight, 60);
	assert_int_equal(spec_set_node(batch, "rx.limit", "50mbit", &err), 0);
	assert_true(batch->rx_mode == RX_OWN && batch->rx.share.weight == 1);
	assert_int_equal(spec_set_node(batch, "rx", "none", &err), 0);
	assert_int_equal(batch->rx_mode, RX_NONE);
	assert_int_equal(spec_set_node(batch, "rx.limit", "fast", &err), -EINVAL);
	assert_int_equal(batch->rx_mode, RX_NONE);
	assert_int_equal(spec_set_node(&m.nodes[0], "rx_capacity", "100mbit", &err), 0);
	assert_int_equal(m.nodes[0].rx.limit.bytes_ps, 100 * MBIT);
	assert_int_equal(spec_set_node(&m.nodes[0], "rx_capacity", "same", &err), 0);
	assert_int_equal(m.nodes[0].rx_mode, RX_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(model_of_rx), cmocka_unit_test(defaults),
		cmocka_unit_test(refusals),   cmocka_unit_test(set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
