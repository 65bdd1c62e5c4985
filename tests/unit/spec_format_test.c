/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever the model: its text is read back as the same model, and formats to the same text. */
#include "awkward.h"
#include "spec/schema.h"
#include "spec/spec.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "core/slots/policy.h"
#include "core/slots/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* xorshift64*: Vigna 2016. */
static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 2685821657736338717ULL;
}

/* 0..n-1 */
static uint32_t below(uint64_t n)
{
	return (uint32_t)(next_random() % n);
}

/*
 * A name that no sibling has: made of all that names may be made of, and of YAML's own words. An uplink's is an
 * interface's: of 15 bytes at most.
 */
static void random_name(enum node_kind kind, char name[MODEL_NAME_SIZE], uint32_t unique)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	static const char *const words[] = { "null", "true", "no", "1e3", "0x10", "-", ".inf", "2024-01-01" };
	size_t n = below(kind == NODE_UPLINK ? 11 : MODEL_NAME_SIZE - 12);

	if (unique == 0) {
		snprintf(name, MODEL_NAME_SIZE, "%s", words[below(ARRAY_SIZE(words))]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		name[i] = letters[below(sizeof(letters) - 1)];
	snprintf(name + n, MODEL_NAME_SIZE - n, "_%u", unique);
}

static void random_selector(struct node *node, uint32_t unique)
{
	static const char *const pieces[] = {
		" ", "\"", "\\", "'", "#", ": ", "{", "\xc3\xa4", "\xf0\x9f\x90\xa7", "%"
	};

	node->select = below(N_SELECTORS);
	switch (node->select) {
	case SELECT_NIC:
		snprintf(node->selector, sizeof(node->selector), "%s%u%s", below(2) ? "tap" : "!", unique,
			 below(3) ? "" : "*");
		break;
	case SELECT_CONTAINER:
		snprintf(node->selector, sizeof(node->selector), "%s%u", below(2) ? "/web.slice/a-" : "", unique);
		break;
	case SELECT_MAC:
		snprintf(node->selector, sizeof(node->selector), "52:54:00:%02x:%02x:%02x",
			 unique >> 16 & 0xff, unique >> 8 & 0xff, unique & 0xff);
		break;
	case SELECT_VM:
		snprintf(node->selector, sizeof(node->selector), "%u%s%s%s", unique, pieces[below(10)],
			 pieces[below(10)], pieces[below(10)]);
		break;
	}
	node->as = model_is_pattern(node) && below(2) ? AS_ONE : AS_EACH;
}

static uint32_t add(struct model *m, enum node_kind kind, uint32_t parent, struct rate most, uint32_t sibling)
{
	struct node node = {
		.kind = kind,
		.parent = parent,
		.limit = RATE_UNLIMITED,
		.share = { below(3) ? 1 + below(10) : 1 },
	};
	int64_t i;

	random_name(kind, node.name, sibling);
	if (kind == NODE_UPLINK) {
		node.limit = most;
		if (below(4) == 0) {
			node.limit = RATE_UNLIMITED;
			node.of_link.ppm = below(3) ? 1 + below(PART_MAX) : PART_MAX;
		}
		node.overhead = (uint16_t)(below(2) ? MODEL_OVERHEAD_DEFAULT : below(SPEC_OVERHEAD_MAX + 1));
		node.share = SHARE_DEFAULT;
	} else if (below(2)) {
		node.limit.bytes_ps =
			most.bytes_ps / 100 + next_random() % (most.bytes_ps - most.bytes_ps / 100 + 1);
	}
	if (!below(3))
		node.burst = below(2) ? SPEC_BURST_MIN + below(SPEC_BURST_MAX - SPEC_BURST_MIN + 1) :
					(2 + below(SPEC_BURST_MAX / 1024 - 1)) * 1024;
	/* What is promised to all together is less than any limit: the least is 1 of 10,000 of the capacity. */
	if (kind != NODE_UPLINK && !below(3) && m->nodes[parent].kind == NODE_UPLINK)
		node.reserve.bytes_ps = RATE_MIN_BYTES_PS + below(1000);
	if (kind == NODE_DEVICE) {
		random_selector(&node, (uint32_t)m->n_nodes);
		if (m->schedule.resource == RESOURCE_CPU)
			node.as = AS_EACH;
		node.backpressure = below(3);
		node.force = below(2);
		node.hook = below(3);
	}
	i = model_add(m, &node);
	assert_true(i >= 0);
	return (uint32_t)i;
}

static void add_devices(struct model *m, uint32_t parent, struct rate most, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		add(m, NODE_DEVICE, parent, most, i);
}

/* A network's devices and networks, in either order, down to the fifth level. */
static void random_network(struct model *m, uint32_t parent, struct rate most, uint32_t sibling, unsigned int deep, bool some)
{
	uint32_t network = add(m, NODE_NETWORK, parent, most, sibling), n = deep < MODEL_NETWORKS_DEEP ? below(3) : 0;
	bool devices_first = below(2);

	if (devices_first)
		add_devices(m, network, most, some + below(3));
	for (uint32_t i = 0; i < n; i++)
		random_network(m, network, most, 100 + i, deep + 1, some);
	if (!devices_first)
		add_devices(m, network, most, some + below(3));
}

static void random_uplink(struct model *m, uint32_t sibling)
{
	/* Enough for the least share of all: 1 of 10,000, twice. */
	struct rate capacity = { 200000000000 / 8 + next_random() % (RATE_MAX_BYTES_PS / 2 + 1) };
	uint32_t uplink, networks = below(4), devices = below(5);
	bool devices_first = below(2);

	uplink = add(m, NODE_UPLINK, NODE_NONE, capacity, sibling);
	if (networks == 0 || devices_first)
		add_devices(m, uplink, capacity, devices + 1);
	for (uint32_t i = 0; i < networks; i++) /* siblings' names count over both kinds */
		random_network(m, uplink, capacity, 100 + i, 1, i == 0);
	if (networks > 0 && !devices_first)
		add_devices(m, uplink, capacity, devices);
	if (below(2)) {
		networks = add(m, NODE_NETWORK, uplink, capacity, 200);
		m->nodes[networks].others = true;
		strcpy(m->nodes[networks].name, "others");
	}
}

static void random_schedule(struct schedule *s)
{
	static const uint64_t units[] = { 1, NSEC_PER_USEC, NSEC_PER_MSEC };
	uint64_t unit = units[below(3)];

	if (below(4) == 0)
		return;
	s->resource = below(2);
	snprintf(s->policy, sizeof(s->policy), "%s", policies[below(5)]->name);
	s->gate = below(2);
	s->slot_ns = NSEC_PER_MSEC + next_random() % (NSEC_PER_SEC - NSEC_PER_MSEC) / unit * unit;
	if (s->slot_ns < GATE_QUOTA_SLOT_MIN_NS)
		s->slot_ns += GATE_QUOTA_SLOT_MIN_NS;
	s->slots = 1 + below(100000);
	s->lanes = 1 + below(ROUNDS_LANES_MAX);
	s->burst_ns = below(2) ? 0 : NSEC_PER_MSEC + next_random() % (3599 * NSEC_PER_SEC) / unit * unit;
	s->strict = below(2);
	s->spread = below(2);
}

static void assert_same(const struct model *a, const struct model *b, const char *text)
{
	struct schedule s = b->schedule;

	s.line = a->schedule.line;
	if (a->n_nodes != b->n_nodes)
		fail_msg("%zu nodes became %zu:\n%s", a->n_nodes, b->n_nodes, text);
	assert_string_equal(a->schedule.policy, s.policy);
	memcpy(s.policy, a->schedule.policy, sizeof(s.policy));
	assert_memory_equal(&a->schedule, &s, sizeof(s));
	for (size_t i = 0; i < a->n_nodes; i++) {
		const struct node *x = &a->nodes[i], *y = &b->nodes[i];

		if (x->kind != y->kind || x->parent != y->parent || strcmp(x->name, y->name) ||
		    x->share.weight != y->share.weight || x->limit.bytes_ps != y->limit.bytes_ps ||
		    x->reserve.bytes_ps != y->reserve.bytes_ps || x->burst != y->burst ||
		    x->of_link.ppm != y->of_link.ppm ||
		    x->overhead != y->overhead || x->select != y->select ||
		    strcmp(x->selector, y->selector) || x->backpressure != y->backpressure ||
		    x->force != y->force || x->hook != y->hook || x->as != y->as || x->others != y->others)
			fail_msg("node %zu, %s, changed:\n%s", i, x->name, text);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	random_state = 88172645463325252ULL;
	for (int run = 0; run < 2000; run++) {
		_cleanup_free_ char *text = NULL, *again = NULL;
		_cleanup_(model_free) struct model m, back = { 0 };
		struct spec_error err = { 0 };

		model_init(&m);
		random_schedule(&m.schedule);
		for (uint32_t i = 0, n = 1 + below(3); i < n; i++)
			random_uplink(&m, i);
		text = spec_format(&m);
		assert_non_null(text);
		if (spec_parse(text, strlen(text), &back, &err) < 0)
			fail_msg("run %d: %u:%u: %s:\n%s", run, err.line, err.column, err.text, text);
		assert_same(&m, &back, text);
		again = spec_format(&back);
		assert_string_equal(text, again);
	}
}

static void test_looks(void **state)
{
	static const char text[] =
		"schedule: {resource: cpu, slots: 100, burst: 100ms}\n"
		"uplinks:\n"
		"- name: eno1\n"
		"  capacity: 1gbit\n"
		"  networks:\n"
		"  - name: tenant-a\n"
		"    share: 70\n"
		"    limit: 800mbit\n"
		"    devices:\n"
		"    - {name: web, nic: vnet0, share: 60, backpressure: off, force: true}\n"
		"    - {name: \"no\", vm: \"my db\", share: 40}\n"
		"  - name: tenant-b\n"
		"    reserve: 100mbit\n"
		"    burst: 64kb\n"
		"    networks:\n"
		"    - name: front\n"
		"      share: 3\n"
		"      devices:\n"
		"      - {name: web, nic: vnet7, reserve: 50mbit, limit: 60mbit, burst: 1514b}\n"
		"    devices:\n"
		"    - {name: db, vm: db-b}\n"
		"  - name: empty\n"
		"    devices: []\n"
		"  devices:\n"
		"  - {name: batch, mac: \"52:54:00:aa:bb:cc\", limit: 200mbit}\n"
		"- name: eno2\n"
		"  capacity: 99.5% of link\n"
		"  burst: 1mb\n"
		"  devices:\n"
		"  - {name: z, nic: z0}\n"
		"- name: eno3\n"
		"  capacity: link\n"
		"  devices:\n"
		"  - {name: z, nic: z1}\n"
		"- name: br0\n"
		"  capacity: 2.5gbit\n"
		"  overhead: 0\n"
		"  devices:\n"
		"  - {name: x, nic: \"y\"}\n";
	_cleanup_(model_free) struct model m = { 0 };
	_cleanup_free_ char *again = NULL;
	struct spec_error err = { 0 };

	(void)state;
	assert_int_equal(spec_parse(text, strlen(text), &m, &err), 0);
	again = spec_format(&m);
	assert_string_equal(again, text);
}

/* What model_validate() would refuse is still a text: a model that is empty. */
static void test_empty(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct model m;

	(void)state;
	model_init(&m);
	text = spec_format(&m);
	assert_string_equal(text, "uplinks: []\n");
}

/* A VM is selected by its name as discover shows it, whatever that is, and by all of a name that is longer. */
static void test_awkward_vms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++) {
		struct node uplink = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "eno1", .limit = { 1000000 } };
		struct node vm = { .kind = NODE_DEVICE, .name = "a", .share = { 1 }, .limit = RATE_UNLIMITED, .select = SELECT_VM };
		_cleanup_(model_free) struct model m;
		_cleanup_(model_free) struct model back;
		_cleanup_free_ char *text = NULL;
		struct spec_error err = { 0 };

		model_init(&m);
		model_init(&back);
		snprintf(vm.selector, sizeof(vm.selector), "%s", awkward[i].shown);
		assert_true(model_add(&m, &uplink) == 0 && model_add(&m, &vm) == 1);
		text = spec_format(&m);
		if (spec_parse(text, strlen(text), &back, &err) < 0)
			fail_msg("%s: %s", awkward[i].what, err.text);
		assert_string_equal(back.nodes[1].selector, awkward[i].shown);
	}
}

static void test_long_vm(void **state)
{
	char name[301], want[MODEL_SELECTOR_SIZE], text[500];
	_cleanup_(model_free) struct model m;
	struct spec_error err = { 0 };

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	model_init(&m);
	snprintf(text, sizeof(text), "uplinks: [{name: eno1, capacity: 1gbit, devices: [{name: a, vm: %s}]}]\n", name);
	assert_int_equal(spec_parse(text, strlen(text), &m, &err), 0);
	assert_string_equal(m.nodes[1].selector, printable_name(name, want, sizeof(want)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_awkward_vms),
		cmocka_unit_test(test_long_vm),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_empty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
