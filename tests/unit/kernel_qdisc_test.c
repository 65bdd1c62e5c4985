/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of the kernel for a leaf; rtnetlink is a buffer here. (What kernels make of it:
 * kernel_htb_test.)
 */
#include "base/cleanup.h"
#include "kernel/net/attr.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static union {
	struct nlmsghdr nlh;
	char bytes[RTNL_MSG_MAX];
} sent;
static uint64_t sent_tag;
static int answer, answers;

struct nlmsghdr *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size,
			  uint64_t tag)
{
	(void)r;
	mnl_nlmsg_put_header(&sent);
	sent.nlh.nlmsg_type = type;
	sent.nlh.nlmsg_flags = flags;
	memcpy(mnl_nlmsg_put_extra_header(&sent.nlh, hdr_size), hdr, hdr_size);
	sent_tag = tag;
	return &sent.nlh;
}

int rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max)
{
	(void)r;
	assert_int_equal(max, 1);
	fail->error = answer;
	return answers;
}

/* The kernel has what was sent last. */
int rtnl_dump(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	(void)r, (void)hdr, (void)hdr_size;
	assert_int_equal(type, RTM_GETQDISC);
	cb(NULL, arg);
	return cb(&sent.nlh, arg);
}

int rtnl_get(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	return rtnl_dump(r, type, hdr, hdr_size, cb, arg);
}

/* What is sent for a leaf of this kind: tb[] are the request's attributes. */
static void send_leaf(const struct leaf *leaf, const char *kind, const struct nlattr **tb)
{
	struct tcmsg tcm;

	assert_int_equal(qdisc_set_leaf(NULL, 7, TC_H_MAKE(1 << 16, 5), leaf, 42), 0);
	assert_int_equal(sent.nlh.nlmsg_type, RTM_NEWQDISC);
	/* changes one of the kind, replaces any other (net/sched/sch_api.c, tc_modify_qdisc()) */
	assert_int_equal(sent.nlh.nlmsg_flags & (NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL),
			 NLM_F_CREATE | NLM_F_REPLACE);
	assert_int_equal(sent_tag, 42);
	memcpy(&tcm, mnl_nlmsg_get_payload(&sent.nlh), sizeof(tcm));
	assert_int_equal(tcm.tcm_ifindex, 7);
	assert_int_equal(tcm.tcm_parent, 0x10005);
	assert_int_equal(tcm.tcm_handle, 0);
	attr_table(&sent.nlh, sizeof(tcm), tb, TCA_STATS2);
	assert_string_equal(mnl_attr_get_str(tb[TCA_KIND]), kind);
}

static void bfifo(void **state)
{
	static const struct leaf leaf = { .kind = LEAF_BFIFO, .limit = 375000 };
	const struct nlattr *tb[TCA_STATS2 + 1];
	struct tc_fifo_qopt opt = { 0 };

	(void)state;
	send_leaf(&leaf, "bfifo", tb);
	assert_int_equal(mnl_attr_get_payload_len(tb[TCA_OPTIONS]), sizeof(opt));
	assert_true(attr_copy(tb[TCA_OPTIONS], &opt, sizeof(opt)));
	assert_int_equal(opt.limit, 375000);
}

static void fq_codel(void **state)
{
	static const struct leaf leaf = {
		.kind = LEAF_FQ_CODEL, .limit = 2282695, .target_us = 5001, .interval_us = 100001
	};
	const struct nlattr *tb[TCA_STATS2 + 1], *opt[TCA_FQ_CODEL_MAX + 1];

	(void)state;
	send_leaf(&leaf, "fq_codel", tb);
	attr_table_nested(tb[TCA_OPTIONS], opt, TCA_FQ_CODEL_MAX);
	assert_int_equal(attr_u32(opt[TCA_FQ_CODEL_TARGET], 0), 5001);
	assert_int_equal(attr_u32(opt[TCA_FQ_CODEL_INTERVAL], 0), 100001);
	assert_int_equal(attr_u32(opt[TCA_FQ_CODEL_MEMORY_LIMIT], 0), 2282695);
	assert_int_equal(attr_u32(opt[TCA_FQ_CODEL_ECN], 0), 1);
	/* the kernel refuses a change that has it */
	assert_null(opt[TCA_FQ_CODEL_FLOWS]);
}

/* What is read back of what was sent last. */
static struct qdisc read_back(void)
{
	struct qdisc *list = NULL, q;
	size_t n = 0;

	assert_int_equal(qdisc_list(NULL, 0, &list, &n), 0);
	assert_int_equal(n, 1);
	q = list[0];
	free(list);
	return q;
}

static struct nlattr *sent_option(uint16_t type)
{
	const struct nlattr *tb[TCA_STATS2 + 1], *opt[TCA_FQ_CODEL_MAX + 1];

	attr_table(&sent.nlh, sizeof(struct tcmsg), tb, TCA_STATS2);
	attr_table_nested(tb[TCA_OPTIONS], opt, TCA_FQ_CODEL_MAX);
	assert_non_null(opt[type]);
	return (void *)(sent.bytes + ((const char *)opt[type] - sent.bytes));
}

static void there_and_back(void **state)
{
	static const struct leaf leaves[] = {
		{ .kind = LEAF_BFIFO, .limit = 375000 },
		{ .kind = LEAF_FQ_CODEL, .limit = 2282695, .target_us = 5001, .interval_us = 100001 },
	};
	struct qdisc q;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct nlattr *ce = NULL;

		assert_int_equal(qdisc_set_leaf(NULL, 7, TC_H_MAKE(1 << 16, 5), &leaves[i], 42), 0);
		if (leaves[i].kind == LEAF_FQ_CODEL) {
			/* The kernel says nothing of a threshold that is never reached. */
			ce = sent_option(TCA_FQ_CODEL_CE_THRESHOLD);
			ce->nla_type = 0;
		}
		q = read_back();
		assert_true(leaf_same(&q.leaf, &leaves[i]));
		assert_int_equal(q.parent, 0x10005);
		if (ce) {
			/* A threshold of others, say: a queue that divvy makes none like. */
			ce->nla_type = TCA_FQ_CODEL_CE_THRESHOLD;
			q = read_back();
			assert_int_equal(q.leaf.kind, LEAF_NONE);
		}
	}
	qdisc_add_htb(NULL, 7, 0xd177, 0xfffe, 1000, 0);
	q = read_back();
	assert_int_equal(q.leaf.kind, LEAF_NONE);
	assert_int_equal(q.htb_default, 0xfffe);
	assert_int_equal(q.htb_direct_qlen, 1000);
}

/* As codel_time_to_us() of what fq_codel_change() keeps. */
static uint32_t rounded(uint32_t us)
{
	uint64_t kept = us * 1000ULL >> 10;

	return (uint32_t)((kept << 10) / 1000);
}

static void rounding(void **state)
{
	struct leaf a = { .kind = LEAF_FQ_CODEL, .limit = 5000, .interval_us = 100000 }, b = a;

	(void)state;
	for (a.target_us = 1000; a.target_us < 3000; a.target_us++) {
		b.target_us = rounded(a.target_us);
		assert_true(qdisc_leaf_same(&a, &b) && qdisc_leaf_same(&b, &a));
		b.target_us = a.target_us + 3;
		assert_false(qdisc_leaf_same(&a, &b));
	}
	b = a;
	a.limit = UINT32_MAX;
	b.limit = 1U << 31;
	assert_true(qdisc_leaf_same(&a, &b));
	a.kind = b.kind = LEAF_BFIFO;
	assert_false(qdisc_leaf_same(&a, &b));
}

static void unknown(void **state)
{
	static const struct leaf leaf = { .kind = LEAF_NONE };

	(void)state;
	assert_int_equal(qdisc_set_leaf(NULL, 7, TC_H_MAKE(1 << 16, 5), &leaf, 0), -EINVAL);
}

static void probe(void **state)
{
	static const struct {
		int answers, answer;
		bool there;
	} cases[] = {
		{ 1, -ENOENT, false }, /* no such kind */
		{ 1, -EOPNOTSUPP, false },
		{ 1, -EPERM, false },
		{ -ENOBUFS, 0, false }, /* of the socket */
		{ 1, -ERANGE, true }, /* the attribute is refused */
		{ 1, -EINVAL, true },
	};
	const struct nlattr *tb[TCA_STATS2 + 1], *opt[TCA_FQ_CODEL_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answers = cases[i].answers;
		answer = cases[i].answer;
		assert_int_equal(qdisc_has_fq_codel(NULL), cases[i].there);
	}
	/* too short for the kernel: what is asked for must never come to be */
	attr_table(&sent.nlh, sizeof(struct tcmsg), tb, TCA_STATS2);
	attr_table_nested(tb[TCA_OPTIONS], opt, TCA_FQ_CODEL_MAX);
	assert_int_equal(mnl_attr_get_payload_len(opt[TCA_FQ_CODEL_TARGET]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bfifo),
		cmocka_unit_test(fq_codel),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(rounding),
		cmocka_unit_test(unknown),
		cmocka_unit_test(probe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("qdisc", tests, NULL, NULL);
}
