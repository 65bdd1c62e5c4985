/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is read back from the kernel, in a namespace of its own. A host that is as divvy made it differs in
 * nothing from what is wanted, whether all of it is read or one link; after each fault exactly what it hit
 * differs; and apply() puts it right.
 */
#include "netns.h"

#include "datapath/apply.h"
#include "datapath/ifb.h"
#include "datapath/observe.h"
#include "kernel/bpf/tcx.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"

#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>

#define MBIT 125000ULL
#define NETWORK 2
#define WEB 3   /* in the network */
#define BATCH 4 /* beside it */
#define THEIRS 0x77

static struct dataplane p;
static struct host host;
static struct tree want;
static uint32_t nic[2], ifb;

/* --- what is wanted ----------------------------------------------------------------------------- */

static struct tree_class class(uint16_t minor, uint16_t parent, uint64_t rate, bool leaf)
{
	struct sizing size;
	struct tree_class c = {
		.htb = { .minor = minor,
			 .parent = parent,
			 .rate = { rate },
			 .ceil = { 100 * MBIT },
			 .burst = 60000,
			 .cburst = 70000,
			 .overhead = 24,
			 .leaf = leaf },
		.node = minor,
	};

	if (!leaf)
		return c;
	sizing_class(&sizing_host_default, c.htb.rate, c.htb.ceil, 1, &size);
	c.htb.quantum = 70000;
	c.leaf = minor == WEB ? size.wait : p.fq_codel ? size.codel : size.drop;
	return c;
}

static void want_all(void)
{
	struct tree_uplink *u = calloc(1, sizeof(*u));

	assert_non_null(u);
	want = (struct tree){
		.uplinks = u, .n_uplinks = 1, .vnics = calloc(2, sizeof(*want.vnics)), .n_vnics = 2
	};
	u->classes = calloc(5, sizeof(*u->classes));
	assert_true(u->classes && want.vnics);
	strcpy(u->name, "up0");
	u->classes[u->n_classes++] = class(CLASSID_ROOT, 0, 100 * MBIT, false);
	u->classes[u->n_classes++] = class(CLASSID_DEFAULT, CLASSID_ROOT, 1000, true);
	u->classes[u->n_classes++] = class(NETWORK, CLASSID_ROOT, 60 * MBIT, false);
	u->classes[u->n_classes++] = class(WEB, NETWORK, 60 * MBIT, true);
	u->classes[u->n_classes++] = class(BATCH, CLASSID_ROOT, 40 * MBIT, true);
	for (uint32_t i = 0; i < 2; i++)
		want.vnics[i] =
			(struct tree_vnic){ .ifindex = nic[i], .minor = (uint16_t)(WEB + i), .hooks = HOOK_FILTER, .node = i };
}

static void apply_ok(void)
{
	struct missed_list missed = { 0 };
	char text[200] = "";
	int err = apply(&p, &host, &want, &missed, text, sizeof(text));

	if (err < 0)
		fail_msg("%s (%s)", text, strerror(-err));
	assert_int_equal(missed.n, 0);
	missed_free(&missed);
}

static int build(void **state)
{
	char text[200];

	(void)state;
	assert_int_equal(dataplane_open(&p, text, sizeof(text)), 0);
	add_veth(p.rtnl, "up0", "up0p");
	add_veth(p.rtnl, "n0", "n0p");
	add_veth(p.rtnl, "n1", "n1p");
	nic[0] = ifindex_of(p.rtnl, "n0");
	nic[1] = ifindex_of(p.rtnl, "n1");
	want_all();
	assert_int_equal(dataplane_observe(&p), 0);
	assert_int_equal(p.have.n_uplinks, 0);
	apply_ok();
	ifb = ifindex_of(p.rtnl, "divvy0");
	assert_int_equal(p.have.uplinks[0].ifb, ifb);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const links[] = { "up0", "n0", "n1" };
	struct link *all = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(link_list(p.rtnl, &all, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (all[i].kind == LINK_IFB)
			link_del(p.rtnl, all[i].ifindex, 0);
	free(all);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		link_del(p.rtnl, ifindex_of(p.rtnl, links[i]), 0);
	commit_ok(p.rtnl);
	dataplane_close(&p);
	tree_free(&want);
	return 0;
}

/* --- what is seen ------------------------------------------------------------------------------- */

/* What differs, by kind: bit k is kind k. link 0: all is read. */
static uint32_t differs(uint32_t link)
{
	struct tree seen;
	struct diff d;
	uint32_t kinds = 0;

	assert_int_equal(dataplane_look(&p, link ? &link : NULL, 1, &seen), 0);
	assert_int_equal(diff_trees(&seen, &want, &d), 0);
	for (size_t i = 0; i < d.n; i++)
		kinds |= 1U << d.list[i].kind;
	diff_free(&d);
	tree_free(&seen);
	return kinds;
}

#define KIND(k) (1U << CHANGE_##k)

/* After a fault at this link: these kinds of changes, and then all is well. */
static void mends(uint32_t link, uint32_t kinds)
{
	commit_ok(p.rtnl);
	assert_int_equal(differs(link), kinds);
	assert_int_equal(differs(link == ifb ? nic[0] : ifb), 0); /* that one was not looked at */
	assert_int_equal(differs(0), kinds);
	assert_int_equal(dataplane_observe(&p), 0);
	apply_ok();
	assert_int_equal(differs(0), 0);
	assert_int_equal(differs(link), 0);
}

static void unchanged(void **state)
{
	struct tree seen;

	(void)state;
	assert_int_equal(differs(0), 0);
	assert_int_equal(differs(ifb), 0);
	assert_int_equal(differs(nic[1]), 0);
	/* The next divvyd has programs of its own: it sets all filters anew, and nothing else. */
	tree_free(&p.have);
	assert_int_equal(differs(0), KIND(MAP) | KIND(REATTACH));
	assert_int_equal(dataplane_look(&p, NULL, 0, &seen), 0);
	assert_int_equal(seen.uplinks[0].classes[2].leaf.kind, LEAF_BFIFO); /* sorted: 1, 2, 3 */
	tree_free(&seen);
	p.classifier = classifier_close(p.classifier);
	assert_int_equal(classifier_open(&p.classifier, NULL, 0), 0);
	assert_int_equal(differs(0), KIND(MAP) | KIND(REATTACH) | KIND(CLASSIFY));
	assert_int_equal(dataplane_observe(&p), 0);
	apply_ok();
	assert_int_equal(differs(0), 0);
}

/* --- faults at a vNIC --------------------------------------------------------------------------- */

static void vnic(void **state)
{
	struct classifier *other = NULL;

	(void)state;
	filter_del(p.rtnl, nic[0], 0);
	mends(nic[0], KIND(MAP) | KIND(ATTACH));
	qdisc_del_ingress(p.rtnl, nic[1], 0);
	mends(nic[1], KIND(MAP) | KIND(ATTACH));
	/* Another program in its place, another IFB, another class. */
	assert_int_equal(classifier_open(&other, NULL, 0), 0);
	filter_set(p.rtnl, nic[0], classifier_fd(other, CLASSIFIER_TX_INGRESS), TREE_CLASSID(WEB), ifb, 0);
	mends(nic[0], KIND(MAP) | KIND(REATTACH));
	classifier_close(other);
	filter_set(p.rtnl, nic[0], classifier_fd(p.classifier, CLASSIFIER_TX_INGRESS), TREE_CLASSID(WEB),
		   ifindex_of(p.rtnl, "up0"), 0);
	mends(nic[0], KIND(MAP) | KIND(REATTACH));
	filter_set(p.rtnl, nic[0], classifier_fd(p.classifier, CLASSIFIER_TX_INGRESS), TREE_CLASSID(BATCH), ifb, 0);
	mends(nic[0], KIND(MAP) | KIND(REATTACH));
}

static bool has_ingress(uint32_t ifindex)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n = 0;

	assert_int_equal(qdisc_list(p.rtnl, ifindex, &q, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == TC_H_INGRESS)
			return true;
	return false;
}

static void has_hooks(unsigned int hooks)
{
	struct tcx t;

	tcx_read(nic[0], classifier_id(p.classifier, CLASSIFIER_DIVERT), &t);
	assert_int_equal(t.ours, hooks & HOOK_TCX ? classifier_id(p.classifier, CLASSIFIER_DIVERT) : 0);
	assert_int_equal(t.others, 0);
	assert_int_equal(has_ingress(nic[0]), !!(hooks & HOOK_FILTER));
}

/* From any hooks to any other ones, and after faults. */
static void programs(void **state)
{
	static const unsigned int hooks[] = { HOOK_TCX, HOOK_TCX | HOOK_FILTER, HOOK_FILTER, HOOK_TCX | HOOK_FILTER,
					      HOOK_TCX, HOOK_FILTER };
	struct classifier *other = NULL;
	uint32_t own = classifier_id(p.classifier, CLASSIFIER_DIVERT);

	(void)state;
	if (!own) /* the kernel has no tcx */
		return;
	assert_int_equal(classifier_open(&other, NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		want.vnics[0].hooks = hooks[i];
		assert_int_equal(differs(0), KIND(REATTACH));
		apply_ok();
		assert_int_equal(differs(0), 0);
		has_hooks(hooks[i]);
		if (!(hooks[i] & HOOK_TCX))
			continue;
		assert_int_equal(tcx_clear(nic[0], own), 0);
		mends(nic[0], hooks[i] == HOOK_TCX ? KIND(MAP) | KIND(ATTACH) : KIND(REATTACH));
		/* An earlier divvyd's. */
		assert_int_equal(
			tcx_set(nic[0], classifier_fd(other, CLASSIFIER_DIVERT), classifier_id(other, CLASSIFIER_DIVERT)), 0);
		mends(nic[0], KIND(MAP) | KIND(REATTACH));
		if (hooks[i] & HOOK_FILTER)
			filter_del(p.rtnl, nic[0], 0);
		mends(nic[0], hooks[i] & HOOK_FILTER ? KIND(REATTACH) : 0);
		has_hooks(hooks[i]);
	}
	classifier_close(other);
	/* A manager is setting it up: no filter yet, but its program. */
	want.vnics[0].hooks = HOOK_TCX | HOOK_FILTER;
	want.vnics[0].not_before_ns = UINT64_MAX;
	filter_del(p.rtnl, nic[0], 0);
	commit_ok(p.rtnl);
	assert_int_equal(dataplane_observe(&p), 0);
	apply_ok();
	assert_null(tree_vnic(&p.have, nic[0], DIRECTION_TX));
	want.vnics[0].not_before_ns = 0;
	want.vnics[0].hooks = HOOK_TCX;
	apply_ok();
	want.vnics[0].hooks = HOOK_TCX | HOOK_FILTER;
	want.vnics[0].not_before_ns = UINT64_MAX;
	apply_ok();
	assert_int_equal(tree_vnic(&p.have, nic[0], DIRECTION_TX)->hooks, HOOK_TCX);
	want.vnics[0].not_before_ns = 0;
	apply_ok();
	assert_int_equal(tree_vnic(&p.have, nic[0], DIRECTION_TX)->hooks, HOOK_TCX | HOOK_FILTER);
	want.n_vnics = 0; /* released */
	want.vnics[0] = want.vnics[1];
	apply_ok();
	has_hooks(0);
}

/* --- faults at the IFB -------------------------------------------------------------------------- */

static void classes(void **state)
{
	struct htb_class c = want.uplinks[0].classes[3].htb;

	(void)state;
	c.rate.bytes_ps /= 2;
	htb_class_change(p.rtnl, ifb, &c, 0);
	mends(ifb, KIND(SET_CLASS));
	c = want.uplinks[0].classes[0].htb;
	c.rate.bytes_ps = c.ceil.bytes_ps *= 10;
	htb_class_change(p.rtnl, ifb, &c, 0);
	mends(ifb, KIND(SET_CLASS));
	htb_class_del(p.rtnl, ifb, BATCH, 0);
	mends(ifb, KIND(ADD_CLASS) | KIND(SET_QUEUE));
	/* In another place: the kernel moves no class. */
	c = want.uplinks[0].classes[4].htb;
	c.parent = NETWORK;
	htb_class_del(p.rtnl, ifb, BATCH, 0);
	htb_class_add(p.rtnl, ifb, &c, 0);
	mends(ifb, KIND(MAKE_ROOT) | KIND(ADD_CLASS) | KIND(SET_QUEUE) | KIND(CLASSIFY));
	/* A class of others below a device's takes its queue away. */
	c.minor = THEIRS;
	c.parent = BATCH;
	htb_class_add(p.rtnl, ifb, &c, 0);
	mends(ifb, KIND(MAKE_ROOT) | KIND(ADD_CLASS) | KIND(SET_QUEUE) | KIND(CLASSIFY));
}

static void classes_of_others(void **state)
{
	struct htb_class c = want.uplinks[0].classes[4].htb;
	const struct tree_uplink *u;

	(void)state;
	c.minor = THEIRS;
	htb_class_add(p.rtnl, ifb, &c, 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(0), 0);
	/* It stays theirs, whatever is applied. */
	assert_int_equal(dataplane_observe(&p), 0);
	htb_class_del(p.rtnl, ifb, BATCH, 0);
	mends(ifb, KIND(ADD_CLASS) | KIND(SET_QUEUE));
	u = &p.have.uplinks[0];
	assert_int_equal(u->n_classes, 6);
	for (size_t i = 0; i < u->n_classes; i++) {
		assert_false(u->classes[i].drains);
		assert_int_equal(u->classes[i].theirs, u->classes[i].htb.minor == THEIRS);
	}
	/* Inside a network it contends with the network's devices. */
	c.minor++;
	c.parent = NETWORK;
	htb_class_add(p.rtnl, ifb, &c, 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(0), KIND(DRAIN_CLASS));
	/* After divvyd's own work failed half-way, what is new may be its own. */
	htb_class_del(p.rtnl, ifb, c.minor, 0);
	c.parent = CLASSID_ROOT;
	htb_class_add(p.rtnl, ifb, &c, 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(0), 0);
	p.half_done = true;
	assert_int_equal(differs(0), KIND(DRAIN_CLASS));
}

static void set_queue(uint16_t minor, struct leaf leaf)
{
	assert_int_equal(qdisc_set_leaf(p.rtnl, ifb, TREE_CLASSID(minor), &leaf, 0), 0);
}

static void queues(void **state)
{
	struct leaf web = want.uplinks[0].classes[3].leaf, batch = want.uplinks[0].classes[4].leaf;

	(void)state;
	web.limit = 3000;
	set_queue(WEB, web);
	mends(ifb, KIND(SET_QUEUE));
	if (p.fq_codel) {
		web.kind = LEAF_FQ_CODEL;
		set_queue(WEB, web);
		mends(ifb, KIND(SET_QUEUE));
		batch.target_us *= 3;
		set_queue(BATCH, batch);
		mends(ifb, KIND(SET_QUEUE));
	}
	/* None at all: HTB puts a pfifo there, which no dump shows. */
	htb_class_del(p.rtnl, ifb, WEB, 0);
	htb_class_add(p.rtnl, ifb, &want.uplinks[0].classes[3].htb, 0);
	mends(ifb, KIND(SET_QUEUE));
}

static void classifier_at_root(void **state)
{
	struct classifier *other = NULL;
	const struct filter ours = { .pref = FILTER_PREF, .handle = FILTER_HANDLE };

	(void)state;
	filter_del_root(p.rtnl, ifb, TREE_CLASSID(0), &ours, 0);
	mends(ifb, KIND(CLASSIFY));
	assert_int_equal(classifier_open(&other, NULL, 0), 0);
	filter_set_root(p.rtnl, ifb, TREE_CLASSID(0), classifier_fd(other, CLASSIFIER_TX_ROOT), 0);
	mends(ifb, KIND(CLASSIFY));
	classifier_close(other);
}

/* At the egress of a clsact of others packets meet their filters before they come to the root; at its ingress none. */
static void filters_before_the_root(void **state)
{
	_cleanup_free_ struct filter *f = NULL;
	const int fd = classifier_fd(p.classifier, CLASSIFIER_TX_ROOT);
	size_t n = 0;

	(void)state;
	qdisc_add_clsact(p.rtnl, ifb, 0);
	filter_set_root(p.rtnl, ifb, FILTER_INGRESS, fd, 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(ifb), 0);
	filter_set_root(p.rtnl, ifb, FILTER_EGRESS, fd, 0);
	mends(ifb, KIND(CLASSIFY));
	assert_int_equal(filter_list_all(p.rtnl, ifb, &f, &n), 0);
	assert_true(n == 1 && !f[0].egress);
}

/* Packets that no class is found for go direct there, and all else is as divvy makes it. */
static void rebuild_root(void)
{
	const struct tree_uplink *u = &want.uplinks[0];

	qdisc_del_root(p.rtnl, ifb, 0);
	qdisc_add_htb(p.rtnl, ifb, HTB_MAJOR, 0, IFB_TXQLEN, 0);
	for (size_t i = 0; i < u->n_classes; i++) {
		htb_class_add(p.rtnl, ifb, &u->classes[i].htb, 0);
		if (u->classes[i].htb.leaf)
			set_queue(u->classes[i].htb.minor, u->classes[i].leaf);
	}
	filter_set_root(p.rtnl, ifb, TREE_CLASSID(0), classifier_fd(p.classifier, CLASSIFIER_TX_ROOT), 0);
}

static void roots(void **state)
{
	uint32_t anew = KIND(MAKE_ROOT) | KIND(ADD_CLASS) | KIND(SET_QUEUE) | KIND(CLASSIFY);

	(void)state;
	qdisc_del_root(p.rtnl, ifb, 0);
	mends(ifb, anew);
	/* Another handle; this handle, and packets that no class is found for go direct; a short direct queue. */
	qdisc_del_root(p.rtnl, ifb, 0);
	qdisc_add_htb(p.rtnl, ifb, 1, CLASSID_DEFAULT, IFB_TXQLEN, 0);
	mends(ifb, anew);
	qdisc_del_root(p.rtnl, ifb, 0);
	qdisc_add_htb(p.rtnl, ifb, HTB_MAJOR, 0, IFB_TXQLEN, 0);
	mends(ifb, anew);
	qdisc_del_root(p.rtnl, ifb, 0);
	qdisc_add_htb(p.rtnl, ifb, HTB_MAJOR, CLASSID_DEFAULT, 2, 0);
	mends(ifb, anew);
	rebuild_root();
	mends(ifb, anew);
}

static void ifbs(void **state)
{
	struct link l;

	(void)state;
	link_set(p.rtnl, ifb, 0, false);
	mends(ifb, KIND(SET_LINK));
	assert_int_equal(link_get_index(p.rtnl, ifb, &l), 0);
	assert_true(l.up);
	link_set_ifb(p.rtnl, ifb, "divvy:up0", 2, 0);
	mends(ifb, KIND(SET_LINK));
	/* It is known by its ifindex, whatever its alias is now, another uplink's even. */
	link_set_ifb(p.rtnl, ifb, "divvy:up1", IFB_TXQLEN, 0);
	mends(ifb, KIND(SET_LINK));
	link_set_ifb(p.rtnl, ifb, "mine", IFB_TXQLEN, 0);
	mends(ifb, KIND(SET_LINK));
	assert_int_equal(link_get_index(p.rtnl, ifb, &l), 0);
	assert_string_equal(l.alias, "divvy:up0");
	assert_int_equal(l.txqlen, IFB_TXQLEN);
	/* A second one of that alias goes. */
	assert_int_equal(link_add_ifb(p.rtnl, "second", "divvy:up0", 10, 0), 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(0), KIND(DRAIN_IFB));
	link_del(p.rtnl, ifindex_of(p.rtnl, "second"), 0);
	/* Gone: the filters lead nowhere. */
	link_del(p.rtnl, ifb, 0);
	commit_ok(p.rtnl);
	assert_int_equal(differs(ifb), differs(0));
	assert_int_equal(differs(0), KIND(MAKE_IFB) | KIND(ADD_CLASS) | KIND(SET_QUEUE) | KIND(CLASSIFY) |
					     KIND(MAP) | KIND(REATTACH));
	assert_int_equal(dataplane_observe(&p), 0);
	apply_ok();
	assert_int_equal(differs(0), 0);
	assert_int_equal(link_get_index(p.rtnl, ifb, &l), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unchanged, build, tear_down),
		cmocka_unit_test_setup_teardown(vnic, build, tear_down),
		cmocka_unit_test_setup_teardown(programs, build, tear_down),
		cmocka_unit_test_setup_teardown(classes, build, tear_down),
		cmocka_unit_test_setup_teardown(classes_of_others, build, tear_down),
		cmocka_unit_test_setup_teardown(queues, build, tear_down),
		cmocka_unit_test_setup_teardown(classifier_at_root, build, tear_down),
		cmocka_unit_test_setup_teardown(filters_before_the_root, build, tear_down),
		cmocka_unit_test_setup_teardown(roots, build, tear_down),
		cmocka_unit_test_setup_teardown(ifbs, build, tear_down),
	};

	netns_enter();
	need_bpf();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
