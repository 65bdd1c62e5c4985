/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans of what VMs receive: the same tree as of what they send, and where its filters can stand. */
#include "plan_rig.h"

#include "kernel/net/filter.h"

#include <errno.h>

#define OWN_ROOT TREE_CLASSID(0U)
#define TRIALS 300

static struct rig_host rig;
static struct host host;
static struct model model;
static struct plan plan;
static struct plan_input in;
static uint32_t web, batch;

static const struct tree nothing;
static const struct classids no_numbers;
static struct hurdle_list no_hurdles;

static int setup(void **state)
{
	uint32_t uplink;

	(void)state;
	rig = (struct rig_host){ 0 };
	put_link(&rig, 1, "eth0", LINK_OTHER);
	put_link(&rig, 2, "tap0", LINK_TUN);
	put_link(&rig, 3, "veth0", LINK_VETH);
	put_link(&rig, 4, "mt0", LINK_MACVTAP);
	host = (struct host){ .links = rig.links, .n_links = rig.n_links };
	model_init(&model);
	uplink = add_uplink(&model, "eth0", 100 * MBIT);
	web = add_device(&model, uplink, "web", SELECT_NIC, "tap0");
	batch = add_device(&model, uplink, "batch", SELECT_NIC, "veth0");
	model.nodes[web].share.weight = 60;
	model.nodes[batch].share.weight = 40;
	model.nodes[uplink].rx_mode = RX_OWN;
	model.nodes[uplink].rx = (struct terms){ .limit = { 50 * MBIT } };
	model.nodes[web].rx_mode = RX_SAME;
	no_hurdles = (struct hurdle_list){ 0 };
	in = (struct plan_input){ .host = &host, .have = &nothing, .hurdles = &no_hurdles, .classids = &no_numbers,
				  .sizing = &sizing_host_default };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plan_free(&plan);
	model_free(&model);
	return 0;
}

static void remake(void)
{
	plan_free(&plan);
	assert_int_equal(plan_make(&model, &in, &plan), 0);
}

static const struct tree_class *leaf_of(enum direction direction, uint32_t node)
{
	const struct tree_uplink *u = tree_uplink(&plan.tree, "eth0", direction);

	for (size_t i = 0; u && i < u->n_classes; i++)
		if (u->classes[i].node == node)
			return &u->classes[i];
	return NULL;
}

static void only_what_has_terms(void **state)
{
	const struct tree_vnic *v;

	(void)state;
	remake();
	assert_int_equal(plan.tree.n_uplinks, 2);
	assert_int_equal(plan.tree.n_vnics, 3);
	v = tree_vnic(&plan.tree, 2, DIRECTION_RX);
	assert_non_null(v);
	assert_int_equal(v->hooks, HOOK_EGRESS);
	assert_int_equal(v->egress.parent, OWN_ROOT);
	assert_true(v->egress.root && !v->egress.replaces);
	assert_int_equal(v->sndbuf, 0);
	assert_int_equal(plan.tree.uplinks[v->uplink].direction, DIRECTION_RX);
	assert_null(tree_vnic(&plan.tree, 3, DIRECTION_RX));
	/* alone there, it has all; and a number that is the same in both directions */
	assert_int_equal(leaf_of(DIRECTION_RX, web)->htb.rate.bytes_ps, 50 * MBIT);
	assert_int_equal(leaf_of(DIRECTION_TX, web)->htb.rate.bytes_ps, 60 * MBIT);
	assert_int_equal(leaf_of(DIRECTION_RX, web)->htb.minor, leaf_of(DIRECTION_TX, web)->htb.minor);
	assert_null(leaf_of(DIRECTION_RX, batch));
}

static void nothing_without_terms(void **state)
{
	(void)state;
	model.nodes[web].rx_mode = RX_NONE;
	remake();
	assert_int_equal(plan.tree.n_uplinks, 1);
	assert_int_equal(plan.tree.n_vnics, 2);
	assert_int_equal(plan_model(&plan, DIRECTION_RX)->n_nodes, 0);
	assert_false(plan_has_egress(&plan, 2));
}

/* 10 ms at the rate, or room for one of the largest packets; fq_codel where the kernel has it. */
static void short_queues(void **state)
{
	(void)state;
	model.nodes[0].rx.limit.bytes_ps = 80 * MBIT;
	remake();
	assert_int_equal(leaf_of(DIRECTION_RX, web)->leaf.kind, LEAF_BFIFO);
	assert_int_equal(leaf_of(DIRECTION_RX, web)->leaf.limit, 80 * MBIT / 100);
	model.nodes[0].rx.limit.bytes_ps = 10 * MBIT;
	remake();
	assert_true(leaf_of(DIRECTION_RX, web)->leaf.limit > 65536 + 54 * 44);
	in.fq_codel = true;
	remake();
	assert_int_equal(leaf_of(DIRECTION_RX, web)->leaf.kind, LEAF_FQ_CODEL);
}

static void places(void **state)
{
	static const struct {
		struct egress there;
		struct egress_place place;
	} rows[] = {
		{ { .ifindex = 2, .ingress = true }, { OWN_ROOT, true, false, false } },
		{ { .ifindex = 2, .root = 0x80010000, .kind = "noqueue" }, { OWN_ROOT, true, true, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "htb" }, { 0x10000, false, false, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "hfsc", .ingress = true }, { 0x10000, false, false, false } },
		{ { .ifindex = 2, .clsact = true }, { FILTER_EGRESS, false, false, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "tbf", .clsact = true }, { FILTER_EGRESS, false, false, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "tbf", .ingress = true }, { 0, false, false, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "tbf" }, { FILTER_EGRESS, .clsact = true } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "mq" }, { FILTER_EGRESS, .clsact = true } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "mq", .ingress = true }, { 0, false, false, false } },
		{ { .ifindex = 2, .root = 0x10000, .kind = "prio", .ingress = true }, { 0, false, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tree_vnic *v;

		in.egress = &rows[i].there;
		in.n_egress = 1;
		remake();
		v = tree_vnic(&plan.tree, 2, DIRECTION_RX);
		assert_int_equal(v != NULL, rows[i].place.parent != 0);
		assert_true(plan.bindings[web].bound);
		assert_true(plan_has_egress(&plan, 2));
		assert_int_equal(plan_misses_egress(&plan, 2), !v);
		if (!v) {
			assert_int_equal(plan.bindings[web].rx_why.code, REASON_NO_EGRESS);
			assert_non_null(strstr(plan.bindings[web].rx_why.text, "tc qdisc del dev tap0 root makes room"));
			assert_non_null(strstr(plan.bindings[web].rx_why.text, rows[i].there.kind));
			continue;
		}
		assert_int_equal(v->egress.parent, rows[i].place.parent);
		assert_int_equal(v->egress.root, rows[i].place.root);
		assert_int_equal(v->egress.replaces, rows[i].place.replaces);
		assert_int_equal(v->egress.clsact, rows[i].place.clsact);
	}
}

/* It has its own ends the other way round, and no place at its egress means that it waits. */
static void macvtap(void **state)
{
	const struct egress tbf = { .ifindex = 4, .root = 0x10000, .kind = "tbf", .ingress = true };
	struct hurdle h = { .ifindex = 4, .kind = NFT_HOOK_INGRESS, .device = "mt0", .chain = "fw/in" };

	(void)state;
	snprintf(model.nodes[web].selector, sizeof(model.nodes[web].selector), "mt0");
	remake();
	assert_int_equal(tree_vnic(&plan.tree, 4, DIRECTION_TX)->hooks, HOOK_EGRESS);
	assert_int_equal(tree_vnic(&plan.tree, 4, DIRECTION_RX)->hooks, HOOK_FILTER);
	assert_false(plan.bindings[web].backpressure);
	assert_int_equal(plan.bindings[web].why.code, REASON_LOWER);
	/* nft's ingress hook would see nothing of what it receives; what it sends does not come there */
	no_hurdles = (struct hurdle_list){ .list = &h, .n = 1, .n_ingress = 1 };
	remake();
	assert_true(plan.bindings[web].bound && !plan.bindings[web].rx);
	assert_int_equal(plan.bindings[web].rx_why.code, REASON_NFT_HOOK);
	assert_null(tree_vnic(&plan.tree, 4, DIRECTION_RX));
	no_hurdles = (struct hurdle_list){ 0 };
	in.egress = &tbf;
	in.n_egress = 1;
	remake();
	assert_false(plan.bindings[web].bound);
	assert_int_equal(plan.bindings[web].why.code, REASON_NO_EGRESS);
	assert_true(plan_misses_egress(&plan, 4));
}

/* What a manager sets up is left alone in both directions. */
static void held(void **state)
{
	const struct plan_hold hold = { .ifindex = 2, .until_ns = 42, .why = "busy" };

	(void)state;
	in.holds = &hold;
	in.n_holds = 1;
	remake();
	assert_int_equal(tree_vnic(&plan.tree, 2, DIRECTION_TX)->not_before_ns, 42);
	assert_int_equal(tree_vnic(&plan.tree, 2, DIRECTION_RX)->not_before_ns, 42);
	assert_int_equal(tree_hooks_due(tree_vnic(&plan.tree, 2, DIRECTION_RX), NULL), 0);
	assert_false(plan.bindings[web].bound || plan.bindings[web].rx);
}

static void left_out(void **state)
{
	(void)state;
	remake();
	plan_leave_out(&plan, 2, DIRECTION_RX, REASON_NO_ATTACH, "no", NULL);
	assert_true(plan.bindings[web].bound && !plan.bindings[web].rx);
	assert_int_equal(plan.bindings[web].rx_why.code, REASON_NO_ATTACH);
}

/* Whatever the tree, what is the same in both directions has the same classes. */
static void same_in_both(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		const struct tree_uplink *tx, *rx;
		uint32_t parent = 0;

		teardown(state);
		setup(state);
		model.nodes[0].rx_mode = RX_NONE;
		model.n_nodes = 1;
		for (int i = 0; i < 3; i++) {
			static const char *const nics[] = { "tap0", "veth0", "mt0" };
			char name[8];

			snprintf(name, sizeof(name), "n%d", i);
			if (one_in(2))
				parent = add_network(&model, parent, name);
			name[0] = 'd';
			add_device(&model, parent, name, SELECT_NIC, nics[i]);
		}
		for (size_t i = 1; i < model.n_nodes; i++) {
			struct node *n = &model.nodes[i];

			n->rx_mode = RX_SAME;
			n->share.weight = 1 + rnd_below(5);
			n->limit.bytes_ps = one_in(3) ? (1 + rnd_below(200)) * MBIT : UINT64_MAX;
			n->reserve.bytes_ps = one_in(4) && n->kind == NODE_DEVICE ? MBIT / 4 : 0;
		}
		remake();
		tx = tree_uplink(&plan.tree, "eth0", DIRECTION_TX);
		rx = tree_uplink(&plan.tree, "eth0", DIRECTION_RX);
		assert_int_equal(tx->n_classes, rx->n_classes);
		for (size_t i = 0; i < tx->n_classes; i++) {
			const struct htb_class *a = &tx->classes[i].htb, *b = &rx->classes[i].htb;

			assert_int_equal(a->minor, b->minor);
			assert_int_equal(a->parent, b->parent);
			assert_int_equal(a->rate.bytes_ps, b->rate.bytes_ps);
			assert_int_equal(a->ceil.bytes_ps, b->ceil.bytes_ps);
			assert_int_equal(a->quantum, b->quantum);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_has_terms, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_without_terms, setup, teardown),
		cmocka_unit_test_setup_teardown(short_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(places, setup, teardown),
		cmocka_unit_test_setup_teardown(macvtap, setup, teardown),
		cmocka_unit_test_setup_teardown(held, setup, teardown),
		cmocka_unit_test_setup_teardown(left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(same_in_both, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
