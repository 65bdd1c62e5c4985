/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A vNIC that its manager still sets up: its device waits, its class is planned, and it is not attached to.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

static struct link links[] = {
	{ .ifindex = 3, .name = "up0", .kind = LINK_OTHER, .up = true },
	{ .ifindex = 7, .name = "n0", .kind = LINK_TUN, .tap = true, .carrier = true },
	{ .ifindex = 8, .name = "n1", .kind = LINK_TUN, .tap = true, .carrier = true },
};
static struct vmm_nic nics[] = {
	{ .tap = "n0", .vmm = "qemu", .vm = "web", .pid = 10, .queues = 1, .waits = VMM_WAITS_YES },
	{ .tap = "n1", .vmm = "qemu", .vm = "batch", .pid = 11, .queues = 1, .waits = VMM_WAITS_YES },
};
static const struct host host = { .links = links, .n_links = 3, .nics = nics, .n_nics = 2 };
static struct model model;

static void add(enum node_kind kind, uint32_t parent, const char *name)
{
	struct node node = { .kind = kind, .parent = parent, .share = { 50 }, .limit = { 1000000 },
			     .select = SELECT_VM };

	strcpy(node.name, name);
	strcpy(node.selector, name);
	assert_true(model_add(&model, &node) >= 0);
}

static int make_model(void **state)
{
	(void)state;
	model_init(&model);
	add(NODE_UPLINK, NODE_NONE, "up0");
	add(NODE_DEVICE, 0, "web");
	add(NODE_DEVICE, 0, "batch");
	return 0;
}

static int free_model(void **state)
{
	(void)state;
	model_free(&model);
	return 0;
}

static const struct classids none = { 0 }, *numbers = &none;

static void plan(const struct tree *have, const struct bound_vnic *bound, size_t n_bound, bool held, struct plan *p)
{
	static const struct plan_hold holds[] = { { .ifindex = 7, .until_ns = 42, .why = "for a test" },
						  { .ifindex = 99, .until_ns = 43, .why = "no vNIC" } };
	struct plan_input in = { .host = &host, .have = have, .bound = bound, .n_bound = n_bound,
				 .classids = numbers, .sizing = &sizing_host_default, .holds = holds, .n_holds = held ? 2 : 0 };

	assert_int_equal(plan_make(&model, &in, p), 0);
}

static void waits(void **state)
{
	struct tree have = { 0 };
	struct plan held, free;

	(void)state;
	plan(&have, NULL, 0, true, &held);
	plan(&have, NULL, 0, false, &free);
	assert_false(held.bindings[1].bound);
	assert_int_equal(held.bindings[1].why.code, REASON_SETTLING);
	assert_string_equal(held.bindings[1].why.text, "n0 is settling: for a test");
	assert_true(held.bindings[2].bound);
	assert_int_equal(tree_vnic(&held.tree, 7, DIRECTION_TX)->not_before_ns, 42);
	assert_int_equal(tree_vnic(&held.tree, 7, DIRECTION_TX)->sndbuf, 0);
	assert_int_equal(tree_vnic(&held.tree, 8, DIRECTION_TX)->not_before_ns, 0);
	/* Its class, and the rates of all, are those that they will be. */
	assert_int_equal(held.tree.uplinks[0].n_classes, free.tree.uplinks[0].n_classes);
	for (size_t i = 0; i < free.tree.uplinks[0].n_classes; i++) {
		const struct tree_class *a = &held.tree.uplinks[0].classes[i];
		const struct tree_class *b = &free.tree.uplinks[0].classes[i];

		assert_int_equal(a->htb.minor, b->htb.minor);
		assert_int_equal(a->htb.rate.bytes_ps, b->htb.rate.bytes_ps);
		assert_int_equal(a->htb.quantum, b->htb.quantum);
		assert_int_equal(a->leaf.kind, b->leaf.kind);
	}
	plan_free(&held);
	plan_free(&free);
}

/* What is attached to stays bound: it does not matter that it is changed. */
static void stays_bound(void **state)
{
	struct tree_vnic vnic = { .ifindex = 7, .minor = 2, .node = NODE_NONE };
	struct tree have = { .vnics = &vnic, .n_vnics = 1 };
	struct plan p;

	(void)state;
	plan(&have, NULL, 0, true, &p);
	assert_true(p.bindings[1].bound);
	assert_true(tree_vnic(&p.tree, 7, DIRECTION_TX)->sndbuf > 0);
	plan_free(&p);
}

/* Another process takes the VM's name meanwhile. */
static void keeps_its_vnic(void **state)
{
	_cleanup_free_ struct bound_vnic *bound = NULL;
	struct tree have = { 0 };
	struct plan before, after;
	size_t n;

	(void)state;
	plan(&have, NULL, 0, true, &before);
	assert_int_equal(plan_bound(&before, &bound, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(bound[0].ifindex, 7);
	assert_int_equal(bound[1].ifindex, 8);
	strcpy(nics[1].vm, "web");
	numbers = &before.classids;
	plan(&have, bound, 1, true, &after);
	numbers = &none;
	strcpy(nics[1].vm, "batch");
	assert_string_equal(after.bindings[1].nic, "n0");
	assert_int_equal(after.bindings[1].why.code, REASON_SETTLING);
	plan_free(&before);
	plan_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(waits), cmocka_unit_test(stays_bound),
					    cmocka_unit_test(keeps_its_vnic) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plan/hold", tests, make_model, free_model);
}
