/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>

static struct rtnl *r;
static struct classifier *classifier, *other;
static uint32_t nic, ifb, ifb2;

/* A vNIC and two IFBs. */
static int setup(void **state)
{
	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	add_veth(r, "nic0", "guest0");
	nic = ifindex_of(r, "nic0");
	link_add_ifb(r, "fifb0", "a", 100, 0);
	link_add_ifb(r, "fifb1", "b", 100, 0);
	commit_ok(r);
	ifb = ifindex_of(r, "fifb0");
	ifb2 = ifindex_of(r, "fifb1");
	assert_int_equal(classifier_open(&classifier, NULL, 0), 0);
	assert_int_equal(classifier_open(&other, NULL, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	classifier = classifier_close(classifier);
	other = classifier_close(other);
	link_del(r, nic, 0);
	link_del(r, ifb, 0);
	link_del(r, ifb2, 0);
	commit_ok(r);
	r = rtnl_close(r);
	return 0;
}

static uint32_t prog_id(const struct classifier *c)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(classifier_fd(c, CLASSIFIER_TX_INGRESS), &info, &len), 0);
	return info.id;
}

/* libvirt's hook for outbound limits, with its u32 filter; pref 0 lets the kernel choose. */
static void add_ingress(void)
{
	struct tcmsg tcm = {
		.tcm_ifindex = (int)nic,
		.tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
		.tcm_parent = TC_H_INGRESS,
	};
	struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof(tcm), 0);

	mnl_attr_put_strz(nlh, TCA_KIND, "ingress");
	commit_ok(r);
}

static void add_u32(uint32_t parent, uint16_t pref)
{
	struct tcmsg tcm = {
		.tcm_ifindex = (int)nic,
		.tcm_parent = parent,
		.tcm_info = TC_H_MAKE((uint32_t)pref << 16, htons(ETH_P_ALL)),
	};
	/* a selector, and one key behind it */
	_Alignas(struct tc_u32_sel) char match[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = { 0 };
	struct tc_u32_sel *sel = (void *)match;
	struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof(tcm), 0);
	struct nlattr *options;

	sel->flags = TC_U32_TERMINAL;
	sel->nkeys = 1;
	mnl_attr_put_strz(nlh, TCA_KIND, "u32");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put(nlh, TCA_U32_SEL, sizeof(match), match);
	mnl_attr_nest_end(nlh, options);
	commit_ok(r);
}

/* Ours, or a zeroed one. others: how many filters of others there are. */
static struct filter listed(size_t *others)
{
	_cleanup_free_ struct filter *f = NULL;
	struct filter ours = { 0 };
	size_t n, seen = 0;

	assert_int_equal(filter_list(r, nic, &f, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(f[i].ifindex, nic);
		if (f[i].ours)
			ours = f[i];
		else
			seen++;
	}
	if (others)
		*others = seen;
	return ours;
}

static void no_hook(void **state)
{
	struct filter *f = NULL;
	size_t n = 1;

	(void)state;
	assert_int_equal(filter_list(r, nic, &f, &n), 0);
	assert_int_equal(n, 0);
	free(f);
	assert_int_equal(filter_set(r, nic, classifier_fd(classifier, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0), 0);
	commit_fails(r, -EINVAL);
}

static void set_on_hook(void)
{
	struct filter f;

	filter_set(r, nic, classifier_fd(classifier, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0);
	commit_ok(r);
	f = listed(NULL);
	assert_true(f.ours);
	assert_string_equal(f.kind, "bpf");
	assert_int_equal(f.pref, FILTER_PREF);
	assert_int_equal(f.handle, FILTER_HANDLE);
	assert_int_equal(f.classid, 0x10005);
	assert_int_equal(f.redirect, ifb);
	assert_int_equal(f.prog_id, prog_id(classifier));

	/* replaced in place, by another daemon's program */
	filter_set(r, nic, classifier_fd(other, CLASSIFIER_TX_INGRESS), 0x10006, ifb2, 0);
	commit_ok(r);
	f = listed(NULL);
	assert_int_equal(f.classid, 0x10006);
	assert_int_equal(f.redirect, ifb2);
	assert_int_equal(f.prog_id, prog_id(other));
}

static void on_clsact(void **state)
{
	size_t others;

	(void)state;
	qdisc_add_clsact(r, nic, 0);
	commit_ok(r);
	set_on_hook();
	add_u32(TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), 10);
	(void)listed(&others);
	assert_true(others > 0);
	filter_del(r, nic, 0);
	commit_ok(r);
	assert_false(listed(&others).ours);
	assert_true(others > 0);
	filter_del(r, nic, 0);
	commit_fails(r, -ENOENT);
}

/* Before a filter of others; a preference that one of another kind has is refused, and nothing is replaced. */
static void first(void **state)
{
	struct filter *f = NULL;
	size_t n = 0, others;

	(void)state;
	qdisc_add_clsact(r, nic, 0);
	commit_ok(r);
	add_u32(TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), 10);
	filter_set_first(r, nic, classifier_fd(classifier, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0);
	commit_ok(r);
	assert_int_equal(filter_list(r, nic, &f, &n), 0);
	assert_true(n > 1 && f[0].ours && !f[1].ours);
	assert_int_equal(f[0].pref, FILTER_PREF_FIRST);
	assert_int_equal(f[0].handle, FILTER_HANDLE_FIRST);
	free(f);
	filter_del_first(r, nic, 0);
	commit_ok(r);
	add_u32(TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), FILTER_PREF_FIRST);
	filter_set_first(r, nic, classifier_fd(classifier, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0);
	commit_fails(r, -EINVAL);
	assert_false(listed(&others).ours);
	assert_true(others > 1);
}

static bool has_qdisc(const char *kind)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n;

	assert_int_equal(qdisc_list(r, nic, &q, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (strcmp(q[i].kind, kind) == 0)
			return true;
	return false;
}

/* The old `ingress` qdisc with another program's filter: used as it is, and left as it was. */
static void on_ingress(void **state)
{
	size_t before, after;

	(void)state;
	add_ingress();
	add_u32(TC_H_MAKE(TC_H_INGRESS, 0), 1);
	(void)listed(&before);
	assert_true(before > 0);
	qdisc_add_clsact(r, nic, 0);
	commit_fails(r, -EEXIST);
	set_on_hook();
	(void)listed(&after);
	assert_int_equal(after, before);
	filter_del(r, nic, 0);
	commit_ok(r);
	assert_false(listed(&after).ours);
	assert_int_equal(after, before);
	qdisc_del_clsact(r, nic, 0);
	commit_fails(r, -EINVAL);
	assert_true(has_qdisc("ingress"));
}

/* divvy's own qdisc is of the managers' kind: their "del" takes it, and no clsact is mistaken for it. */
static void on_own(void **state)
{
	(void)state;
	qdisc_add_ingress(r, nic, 0);
	commit_ok(r);
	qdisc_add_ingress(r, nic, 0);
	commit_fails(r, -EEXIST);
	qdisc_add_clsact(r, nic, 0);
	commit_fails(r, -EEXIST);
	set_on_hook();
	qdisc_del_clsact(r, nic, 0);
	commit_fails(r, -EINVAL);
	assert_true(listed(NULL).ours);
	qdisc_del_ingress(r, nic, 0);
	commit_ok(r);
	assert_false(has_qdisc("ingress"));
	qdisc_add_clsact(r, nic, 0);
	commit_ok(r);
	qdisc_del_ingress(r, nic, 0);
	commit_fails(r, -EINVAL);
	assert_true(has_qdisc("clsact"));
	qdisc_del_clsact(r, nic, 0);
	commit_ok(r);
}

/* Another's filter of the same name but a little longer is another's. */
static void names(void **state)
{
	static const char *const name[] = { "divvy2", "div", "" };
	size_t others;

	(void)state;
	qdisc_add_clsact(r, nic, 0);
	commit_ok(r);
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		struct tcmsg tcm = {
			.tcm_ifindex = (int)nic,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			.tcm_info = TC_H_MAKE((uint32_t)(7 + i) << 16, htons(ETH_P_ALL)),
		};
		struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWTFILTER, NLM_F_CREATE, &tcm, sizeof(tcm), 0);
		struct nlattr *options;

		mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
		options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
		mnl_attr_put_u32(nlh, TCA_BPF_FD, (uint32_t)classifier_fd(classifier, CLASSIFIER_TX_INGRESS));
		mnl_attr_put_strz(nlh, TCA_BPF_NAME, name[i]);
		mnl_attr_put_u32(nlh, TCA_BPF_CLASSID, 1);
		mnl_attr_nest_end(nlh, options);
	}
	commit_ok(r);
	assert_false(listed(&others).ours);
	assert_int_equal(others, ARRAY_SIZE(name));
}

static void both_hooks(void **state)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n, in = 0;

	(void)state;
	qdisc_add_clsact(r, nic, 0);
	commit_ok(r);
	add_u32(TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), 3);
	(void)listed(&in);
	assert_int_equal(in, 0);
	assert_int_equal(filter_list_all(r, nic, &f, &n), 0);
	assert_true(n > 0);
	assert_string_equal(f[0].kind, "u32");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_hook), TEST(on_clsact), TEST(first), TEST(on_ingress), TEST(on_own), TEST(names), TEST(both_hooks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_bpf();
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
