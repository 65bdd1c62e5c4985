/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/model.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MBIT 125000ULL

static uint32_t add(struct model *m, enum node_kind kind, uint32_t parent, const char *name)
{
	struct node node = { .kind = kind,
			     .parent = parent,
			     .line = (uint32_t)m->n_nodes + 1,
			     .share = SHARE_DEFAULT,
			     .limit = RATE_UNLIMITED };
	int64_t i;

	snprintf(node.name, sizeof(node.name), "%s", name);
	if (kind == NODE_UPLINK)
		node.limit.bytes_ps = 100 * MBIT;
	if (kind == NODE_DEVICE)
		snprintf(node.selector, sizeof(node.selector), "tap%zu", m->n_nodes);
	i = model_add(m, &node);
	assert_true(i >= 0);
	return (uint32_t)i;
}

/* 0 eth0 { 1 web, 2 blue { 3 web, 4 db }, 5 mail }, 6 eth1 { 7 web, 8 red { 9 cache } } */
static void sample(struct model *m)
{
	model_init(m);
	add(m, NODE_UPLINK, NODE_NONE, "eth0");
	add(m, NODE_DEVICE, 0, "web");
	add(m, NODE_NETWORK, 0, "blue");
	add(m, NODE_DEVICE, 2, "web");
	add(m, NODE_DEVICE, 2, "db");
	add(m, NODE_DEVICE, 0, "mail");
	add(m, NODE_UPLINK, NODE_NONE, "eth1");
	add(m, NODE_DEVICE, 6, "web");
	add(m, NODE_NETWORK, 6, "red");
	add(m, NODE_DEVICE, 8, "cache");
}

static void starts_empty(void **state)
{
	struct model_error err = { 0 };
	struct model m;

	(void)state;
	model_init(&m);
	assert_null(m.nodes);
	assert_int_equal(m.n_nodes, 0);
	assert_int_equal(m.schedule.resource, RESOURCE_DEVICE);
	assert_string_equal(m.schedule.policy, "paper");
	assert_int_equal(model_validate(&m, &err), 0);
	model_free(&m);
	model_free(&m);
}

static void keeps_preorder(void **state)
{
	struct node node = { .kind = NODE_DEVICE, .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED };
	static const uint32_t refused[] = { 1, 2, 3, 5, 9, 10, NODE_NONE, 0 };
	struct model m;

	(void)state;
	sample(&m);
	/* A device takes no child, blue and eth0 are closed, 10 is not there yet, a device has a parent. */
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		node.parent = refused[i];
		assert_int_equal(model_add(&m, &node), -EINVAL);
	}
	node.kind = NODE_UPLINK;
	assert_int_equal(model_add(&m, &node), -EINVAL);
	assert_int_equal(m.n_nodes, 10);
	node.kind = NODE_DEVICE;
	node.parent = 8;
	assert_int_equal(model_add(&m, &node), 10);
	node.parent = 6;
	assert_int_equal(model_add(&m, &node), 11);
	node.parent = 8;
	assert_int_equal(model_add(&m, &node), -EINVAL);
	model_free(&m);
}

static void grows_to_the_limit(void **state)
{
	struct model m, copy;

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	for (uint32_t i = 1; i < MODEL_NODES_MAX; i++) {
		struct node node = { .kind = NODE_DEVICE, .parent = 0 };

		assert_int_equal(model_add(&m, &node), i);
	}
	assert_int_equal(model_add(&m, &m.nodes[1]), -E2BIG);
	assert_int_equal(model_copy(&copy, &m), 0);
	assert_memory_equal(copy.nodes, m.nodes, m.n_nodes * sizeof(*m.nodes));
	model_free(&m);
	model_free(&copy);
}

/* A copy can grow too, and its own node may be what is added. */
static void copies_own_their_nodes(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 20; n++) {
		struct model m, copy;

		model_init(&m);
		m.schedule.slots = 77;
		for (uint32_t i = 0; i < n; i++)
			add(&m, i ? NODE_DEVICE : NODE_UPLINK, i ? 0 : NODE_NONE, "x");
		assert_int_equal(model_copy(&copy, &m), 0);
		model_free(&m);
		assert_int_equal(copy.n_nodes, n);
		assert_int_equal(copy.schedule.slots, 77);
		for (uint32_t i = 1; n > 1 && i < 20; i++)
			assert_int_equal(model_add(&copy, &copy.nodes[1]), n + i - 1);
		model_free(&copy);
	}
}

static void compares_schedules(void **state)
{
	const struct schedule a = schedule_default;
	struct schedule other[9], same = a;

	(void)state;
	same.line = 7;
	assert_true(schedule_same(&a, &same));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		other[i] = a;
	other[0].resource = RESOURCE_CPU;
	strcpy(other[1].policy, "smooth");
	other[2].gate = GATE_QUOTA;
	other[3].slot_ns++;
	other[4].slots++;
	other[5].lanes++;
	other[6].burst_ns++;
	other[7].strict = true;
	other[8].spread = true;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(schedule_same(&a, &other[i]));
}

static void full_names(void **state)
{
	char buf[MODEL_FULL_NAME_SIZE];
	struct model m;

	(void)state;
	sample(&m);
	assert_string_equal(model_full_name(&m, 0, buf), "eth0");
	assert_string_equal(model_full_name(&m, 1, buf), "web");
	assert_string_equal(model_full_name(&m, 2, buf), "blue");
	assert_string_equal(model_full_name(&m, 4, buf), "blue/db");
	assert_int_equal(model_uplink_of(&m, 0), 0);
	assert_int_equal(model_uplink_of(&m, 4), 0);
	assert_int_equal(model_uplink_of(&m, 9), 6);
	model_free(&m);
}

static void finds(void **state)
{
	static const struct {
		const char *name;
		int64_t index;
	} cases[] = {
		{ "mail", 5 },      { "db", 4 },           { "blue/db", 4 },     { "eth0/blue/db", 4 },
		{ "eth0/mail", 5 }, { "blue", 2 },         { "eth1/red", 8 },    { "eth1/web", 7 },
		{ "eth0/web", 1 },  { "eth0/blue/web", 3 }, { "blue/web", 3 },   { "cache", 9 },
		{ "web", -ENOTUNIQ }, /* two directly under uplinks; the one in blue is not meant by "web" */
		{ "eth0", -ENOENT }, { "", -ENOENT },      { "/", -ENOENT },     { "red/db", -ENOENT },
		{ "eth1/db", -ENOENT }, { "db/", -ENOENT }, { "/db", -ENOENT },  { "eth0/db", -ENOENT },
		{ "eth0xblue/db", -ENOENT },
	};
	struct model m;

	(void)state;
	sample(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(model_find(&m, cases[i].name), cases[i].index);
	/* One directly under an uplink goes before one of the same last part in a network. */
	strcpy(m.nodes[7].name, "www");
	assert_int_equal(model_find(&m, "web"), 1);
	strcpy(m.nodes[1].name, "www");
	assert_int_equal(model_find(&m, "web"), 3);
	strcpy(m.nodes[9].name, "web");
	assert_int_equal(model_find(&m, "web"), -ENOTUNIQ);
	model_free(&m);
}

/* --- validation ------------------------------------------------------------------------------- */

static void refused(const struct model *m, uint32_t line, const char *text)
{
	struct model_error err = { 0 };

	assert_int_equal(model_validate(m, &err), -EINVAL);
	assert_string_equal(err.text, text);
	assert_int_equal(err.line, line);
}

static void accepts(void **state)
{
	struct model_error err = { .line = 42 };
	struct model m;

	(void)state;
	sample(&m);
	assert_int_equal(model_validate(&m, &err), 0);
	assert_int_equal(err.line, 42); /* untouched */
	model_free(&m);
}

static void names_among_siblings(void **state)
{
	struct model m;

	(void)state;
	sample(&m);
	strcpy(m.nodes[4].name, "web");
	refused(&m, 5, "device \"blue/web\": the name is already taken in line 4, expected another");
	m.nodes[3].line = 0;
	refused(&m, 5, "device \"blue/web\": the name is already taken, expected another");
	strcpy(m.nodes[4].name, "");
	refused(&m, 5, "device \"blue/\": has no name, expected one");
	strcpy(m.nodes[4].name, "db");
	strcpy(m.nodes[6].name, "eth0");
	refused(&m, 7, "uplink \"eth0\": the name is already taken in line 1, expected another");
	model_free(&m);
}

static void one_vnic_one_device(void **state)
{
	struct model_error err;
	struct model m;

	(void)state;
	sample(&m);
	strcpy(m.nodes[9].selector, m.nodes[3].selector);
	refused(&m, 10,
		"device \"red/cache\": nic tap3 already belongs to device \"blue/web\", expected another");
	/* The same text means another thing as a VM's name. */
	strcpy(m.nodes[9].selector, m.nodes[7].selector);
	m.nodes[9].select = SELECT_VM;
	assert_int_equal(model_validate(&m, &err), 0);
	m.nodes[9].selector[0] = '\0';
	refused(&m, 10, "device \"red/cache\": says no vNIC, expected nic, vm, mac or container");
	model_free(&m);
}

static void limits(void **state)
{
	struct model_error err;
	struct model m;

	(void)state;
	sample(&m);
	m.nodes[4].limit.bytes_ps = 100 * MBIT;
	assert_int_equal(model_validate(&m, &err), 0);
	m.nodes[4].limit.bytes_ps++;
	refused(&m, 5,
		"device \"blue/db\": limit 100000008bit, expected 8kbit to 100mbit, its uplink's capacity");
	m.nodes[4].limit.bytes_ps = RATE_MIN_BYTES_PS - 1;
	refused(&m, 5, "device \"blue/db\": limit 7992bit, expected 8kbit to 100mbit, its uplink's capacity");
	m.nodes[4].limit.bytes_ps = RATE_MIN_BYTES_PS;
	assert_int_equal(model_validate(&m, &err), 0);

	m.nodes[0].limit = RATE_UNLIMITED;
	refused(&m, 1, "uplink \"eth0\": has no capacity, expected 8kbit to 400gbit");
	m.nodes[0].limit.bytes_ps = RATE_MAX_BYTES_PS + 125;
	refused(&m, 1, "uplink \"eth0\": capacity 400000001kbit, expected 8kbit to 400gbit");
	m.nodes[0].limit.bytes_ps = RATE_MAX_BYTES_PS;
	assert_int_equal(model_validate(&m, &err), 0);
	model_free(&m);
}

static void shares(void **state)
{
	struct model_error err;
	struct model m;

	(void)state;
	sample(&m);
	m.nodes[4].share.weight = 0;
	refused(&m, 5, "device \"blue/db\": share 0, expected 1 to 1000000");
	m.nodes[4].share.weight = SHARE_MAX + 1;
	refused(&m, 5, "device \"blue/db\": share 1000001, expected 1 to 1000000");

	/* blue gets a third of 100 Mbit/s; 1 of 4166 in it is just above the 1,000 B/s. */
	m.nodes[3].share.weight = 1;
	m.nodes[4].share.weight = 4165;
	assert_int_equal(model_validate(&m, &err), 0);
	m.nodes[4].share.weight = 4166;
	refused(&m, 4, "device \"blue/web\": share 1 of 4167 guarantees 7992bit, expected at least 8kbit");
	m.nodes[4].share.weight = 99;
	assert_int_equal(model_validate(&m, &err), 0);
	/* A network's limit is what its devices divide. */
	m.nodes[2].limit.bytes_ps = 50000;
	refused(&m, 4, "device \"blue/web\": share 1 of 100 guarantees 4kbit, expected at least 8kbit");
	model_free(&m);
}

static void uplinks_without_devices(void **state)
{
	struct model m;

	(void)state;
	sample(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth2");
	add(&m, NODE_NETWORK, 10, "green");
	refused(&m, 11, "uplink \"eth2\": has no devices, expected at least one, or others");
	model_free(&m);
}

/* 5,000 and many more; the limit is told in one line. */
static void many_devices(void **state)
{
	struct model_error err = { 0 };
	char name[16];
	struct model m;

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	m.nodes[0].limit.bytes_ps = RATE_MAX_BYTES_PS;
	for (uint32_t i = 0; i < MODEL_UPLINK_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		add(&m, NODE_DEVICE, 0, name);
		if (i == 4999)
			assert_int_equal(model_validate(&m, &err), 0);
	}
	assert_int_equal(model_validate(&m, &err), 0);
	add(&m, NODE_DEVICE, 0, "more");
	refused(&m, 1, "uplink \"eth0\": has 32001 devices and networks, expected at most 32000");
	model_free(&m);
}

static void depth(void **state)
{
	struct model_error err;
	char name[8], full[MODEL_FULL_NAME_SIZE];
	struct model m;

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	for (uint32_t i = 1; i <= MODEL_NETWORKS_DEEP; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		add(&m, NODE_NETWORK, i - 1, name);
	}
	add(&m, NODE_DEVICE, 5, "d");
	assert_int_equal(model_validate(&m, &err), 0);
	assert_string_equal(model_full_name(&m, 6, full), "n1/n2/n3/n4/n5/d");
	m.n_nodes--;
	add(&m, NODE_NETWORK, 5, "n6");
	add(&m, NODE_DEVICE, 6, "d");
	refused(&m, 7, "network \"n1/n2/n3/n4/n5/n6\": is nested 6 deep below its uplink, expected at most 5");
	model_free(&m);
}

/* Any end of a full name, at a '/', that no other node's has. */
static void finds_deep(void **state)
{
	/* 0 eth0 { 1 a { 2 b { 3 c { 4 web, 5 db }, 6 web }, 7 c { 8 db } }, 9 b { 10 web } } */
	static const struct {
		const char *name;
		int64_t index;
	} cases[] = {
		{ "a/b/c/web", 4 },  { "b/c/web", 4 },	 { "c/web", 4 },	 { "eth0/a/b/c/web", 4 },
		{ "a/b/web", 6 },    { "a/c", 7 },	 { "a/c/db", 8 },	 { "b/c", 3 },
		{ "b/web", 10 },     { "eth0/b/web", 10 }, { "b", 9 },		 { "eth0/a/b", 2 },
		{ "web", -ENOTUNIQ }, { "c/db", -ENOTUNIQ }, { "c", -ENOTUNIQ }, { "eth0/c/web", -ENOENT },
		{ "/c/web", -ENOENT }, { "xc/web", -ENOENT }, { "a//b", -ENOENT }, { "eth0/web", -ENOENT },
		{ "eth0/eth0/b", -ENOENT }, { "/eth0/b", -ENOENT },
	};
	char full[MODEL_FULL_NAME_SIZE];
	struct model m;

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	add(&m, NODE_NETWORK, 0, "a");
	add(&m, NODE_NETWORK, 1, "b");
	add(&m, NODE_NETWORK, 2, "c");
	add(&m, NODE_DEVICE, 3, "web");
	add(&m, NODE_DEVICE, 3, "db");
	add(&m, NODE_DEVICE, 2, "web");
	add(&m, NODE_NETWORK, 1, "c");
	add(&m, NODE_DEVICE, 7, "db");
	add(&m, NODE_NETWORK, 0, "b");
	add(&m, NODE_DEVICE, 9, "web");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (model_find(&m, cases[i].name) != cases[i].index)
			fail_msg("%s: %d, expected %d", cases[i].name, (int)model_find(&m, cases[i].name),
				 (int)cases[i].index);
	for (uint32_t i = 1; i < m.n_nodes; i++)
		assert_int_equal(model_find(&m, model_full_name(&m, i, full)), i);
	assert_int_equal(model_end(&m, 1), 9);
	assert_int_equal(model_end(&m, 2), 7);
	assert_int_equal(model_end(&m, 4), 5);
	assert_int_equal(model_end(&m, 0), 11);
	model_free(&m);
}

/* The longest names leave room for the NUL, whatever they cut off. */
static void long_names(void **state)
{
	struct model_error err;
	struct model m;
	char name[MODEL_NAME_SIZE], full[MODEL_FULL_NAME_SIZE];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	for (uint32_t i = 0; i < MODEL_NETWORKS_DEEP; i++)
		add(&m, NODE_NETWORK, i, name);
	add(&m, NODE_DEVICE, 5, name);
	m.nodes[6].select = SELECT_VM;
	memset(m.nodes[6].selector, 'v', MODEL_SELECTOR_SIZE - 1);
	assert_int_equal(model_validate(&m, &err), 0);
	m.nodes[6].instance = true;
	assert_int_equal(strlen(model_full_name(&m, 6, full)), MODEL_FULL_NAME_SIZE - 1);
	m.nodes[6].instance = false;
	name[0] = 'y';
	add(&m, NODE_DEVICE, 5, name);
	m.nodes[7].select = SELECT_VM;
	strcpy(m.nodes[7].selector, m.nodes[6].selector);
	assert_int_equal(model_validate(&m, &err), -EINVAL);
	assert_true(strlen(err.text) < sizeof(err.text));
	assert_int_equal(model_find(&m, name), 7);
	model_free(&m);
}

/* Cut to 15 bytes they would name another interface. */
static void long_interfaces(void **state)
{
	struct model_error err;
	struct model m;

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "fifteen-bytes-0");
	add(&m, NODE_DEVICE, 0, "web");
	strcpy(m.nodes[1].selector, "fifteen-bytes-1");
	assert_int_equal(model_validate(&m, &err), 0);
	strcpy(m.nodes[1].selector, "sixteen-bytes-01");
	assert_int_equal(model_validate(&m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at most 15 bytes"));
	assert_int_equal(err.node, 1);
	m.nodes[1].select = SELECT_VM;
	assert_int_equal(model_validate(&m, &err), 0);
	strcpy(m.nodes[0].name, "sixteen-bytes-01");
	assert_int_equal(model_validate(&m, &err), -EINVAL);
	assert_int_equal(err.node, 0);
	model_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(keeps_preorder),
		cmocka_unit_test(grows_to_the_limit),
		cmocka_unit_test(copies_own_their_nodes),
		cmocka_unit_test(compares_schedules),
		cmocka_unit_test(full_names),
		cmocka_unit_test(finds),
		cmocka_unit_test(accepts),
		cmocka_unit_test(names_among_siblings),
		cmocka_unit_test(one_vnic_one_device),
		cmocka_unit_test(limits),
		cmocka_unit_test(shares),
		cmocka_unit_test(uplinks_without_devices),
		cmocka_unit_test(depth), cmocka_unit_test(many_devices),
		cmocka_unit_test(finds_deep),
		cmocka_unit_test(long_names), cmocka_unit_test(long_interfaces),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
