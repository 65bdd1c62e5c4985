/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qdisc.h"

#include "attr.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

/* HTB divides a class's rate by this where a class has no quantum; divvy's classes all have one. */
#define RATE2QUANTUM 10
/* include/net/net_namespace.h: every namespace's lo */
#define LOOPBACK_IFINDEX 1

/* Packets; a vNIC takes them at once, or, if it is full, drops them. */
#define EGRESS_QLEN 1000

/* fq_codel: what divvy does not choose is the kernel's default (net/sched/sch_fq_codel.c, fq_codel_init()) */
#define FQ_CODEL_PACKETS 10240
#define FQ_CODEL_QUANTUM 1514
/* Microseconds that the kernel makes CODEL_DISABLED_THRESHOLD of (include/net/codel.h): no early ECN marks. */
#define FQ_CODEL_NO_CE_THRESHOLD 2199023255U
/* The kernel keeps times in units of 1,024 ns, rounded down, and says microseconds, rounded down again. */
#define FQ_CODEL_SLACK_US 2

struct qdisc_dump {
	uint32_t ifindex; /* 0: all */
	struct qdisc *q;
	size_t n;
};

static void parse_stats(const struct nlattr *stats2, struct qdisc *q)
{
	const struct nlattr *tb[TCA_STATS_QUEUE + 1];
	struct gnet_stats_queue s = { 0 };
	struct gnet_stats_basic b = { 0 };

	attr_table_nested(stats2, tb, TCA_STATS_QUEUE);
	(void)attr_copy(tb[TCA_STATS_BASIC], &b, sizeof(b));
	q->bytes = b.bytes;
	(void)attr_copy(tb[TCA_STATS_QUEUE], &s, sizeof(s));
	q->drops = s.drops;
	q->backlog_bytes = s.backlog;
	q->backlog_packets = s.qlen;
}

static void parse_bfifo(const struct nlattr *options, struct qdisc *q)
{
	struct tc_fifo_qopt opt;

	if (attr_copy(options, &opt, sizeof(opt)))
		q->leaf = (struct leaf){ .kind = LEAF_BFIFO, .limit = opt.limit };
}

static void parse_fq_codel(const struct nlattr *options, struct qdisc *q)
{
	const struct nlattr *tb[TCA_FQ_CODEL_MEMORY_LIMIT + 1];

	attr_table_nested(options, tb, TCA_FQ_CODEL_MEMORY_LIMIT);
	if (attr_u32(tb[TCA_FQ_CODEL_LIMIT], 0) != FQ_CODEL_PACKETS ||
	    attr_u32(tb[TCA_FQ_CODEL_QUANTUM], 0) != FQ_CODEL_QUANTUM ||
	    attr_u32(tb[TCA_FQ_CODEL_ECN], 0) != 1 || tb[TCA_FQ_CODEL_CE_THRESHOLD])
		return;
	q->leaf = (struct leaf){
		.kind = LEAF_FQ_CODEL,
		.limit = attr_u32(tb[TCA_FQ_CODEL_MEMORY_LIMIT], 0),
		.target_us = attr_u32(tb[TCA_FQ_CODEL_TARGET], 0),
		.interval_us = attr_u32(tb[TCA_FQ_CODEL_INTERVAL], 0),
	};
}

static void parse_htb(const struct nlattr *options, struct qdisc *q)
{
	const struct nlattr *tb[TCA_HTB_DIRECT_QLEN + 1];
	struct tc_htb_glob glob;

	attr_table_nested(options, tb, TCA_HTB_DIRECT_QLEN);
	if (attr_copy(tb[TCA_HTB_INIT], &glob, sizeof(glob)))
		q->htb_default = glob.defcls;
	q->htb_direct_qlen = attr_u32(tb[TCA_HTB_DIRECT_QLEN], 0);
}

static void parse_options(const struct nlattr *options, struct qdisc *q)
{
	static const struct {
		const char *kind;
		void (*parse)(const struct nlattr *options, struct qdisc *q);
	} kinds[] = { { "bfifo", parse_bfifo }, { "fq_codel", parse_fq_codel }, { "htb", parse_htb } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(q->kind, kinds[i].kind) == 0)
			kinds[i].parse(options, q);
}

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[TCA_STATS2 + 1];
	struct qdisc_dump *d = arg;
	struct tcmsg tcm;
	struct qdisc q = { 0 };
	int err;

	if (!nlh) {
		d->n = 0;
		freep(&d->q);
		d->q = NULL;
		return 0;
	}
	if (nlh->nlmsg_type != RTM_NEWQDISC || mnl_nlmsg_get_payload_len(nlh) < sizeof(tcm))
		return 0;
	memcpy(&tcm, mnl_nlmsg_get_payload(nlh), sizeof(tcm));
	/* The kernel dumps all interfaces, whichever is asked for (net/sched/sch_api.c, tc_dump_qdisc()). */
	if (d->ifindex && (uint32_t)tcm.tcm_ifindex != d->ifindex)
		return 0;
	err = array_reserve(&d->q, d->n, sizeof(*d->q));
	if (err < 0)
		return err;
	attr_table(nlh, sizeof(tcm), tb, TCA_STATS2);
	q.ifindex = (uint32_t)tcm.tcm_ifindex;
	q.handle = tcm.tcm_handle;
	q.parent = tcm.tcm_parent;
	attr_str(tb[TCA_KIND], q.kind, sizeof(q.kind));
	parse_options(tb[TCA_OPTIONS], &q);
	parse_stats(tb[TCA_STATS2], &q);
	d->q[d->n++] = q;
	return 0;
}

int qdisc_list(struct rtnl *r, uint32_t ifindex, struct qdisc **q, size_t *n)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex };
	struct qdisc_dump d = { .ifindex = ifindex };
	int err = rtnl_dump(r, RTM_GETQDISC, &tcm, sizeof(tcm), collect, &d);

	if (err < 0) {
		free(d.q);
		return err;
	}
	*q = d.q;
	*n = d.n;
	return 0;
}

int qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_ROOT };
	struct qdisc_dump d = { .ifindex = ifindex };
	int err = rtnl_get(r, RTM_GETQDISC, &tcm, sizeof(tcm), collect, &d);

	if (err >= 0 && d.n == 0)
		err = -ENOENT;
	if (err >= 0)
		*out = d.q[0];
	free(d.q);
	return err < 0 ? err : 0;
}

static struct nlmsghdr *request(struct rtnl *r, uint16_t type, uint16_t flags, const struct tcmsg *tcm,
				const char *kind, uint64_t tag)
{
	struct nlmsghdr *nlh = rtnl_add(r, type, flags, tcm, sizeof(*tcm), tag);

	if (nlh)
		mnl_attr_put_strz(nlh, TCA_KIND, kind);
	return nlh;
}

/*
 * clsact and `ingress` have the same handle and parent. The kind is sent with the deletion, too: the kernel
 * then refuses to delete the other kind.
 */
static int hook(struct rtnl *r, uint16_t type, uint16_t flags, uint32_t ifindex, const char *kind,
		uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};

	return request(r, type, flags, &tcm, kind, tag) ? 0 : -ENOMEM;
}

#define ADD_FLAGS (NLM_F_CREATE | NLM_F_EXCL)

int qdisc_add_ingress(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return hook(r, RTM_NEWQDISC, ADD_FLAGS, ifindex, "ingress", tag);
}

int qdisc_del_ingress(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return hook(r, RTM_DELQDISC, 0, ifindex, "ingress", tag);
}

int qdisc_add_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return hook(r, RTM_NEWQDISC, ADD_FLAGS, ifindex, "clsact", tag);
}

int qdisc_del_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return hook(r, RTM_DELQDISC, 0, ifindex, "clsact", tag);
}

static int add_htb(struct rtnl *r, uint16_t flags, uint32_t ifindex, uint16_t major, uint16_t defminor,
		   uint32_t direct_qlen, uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = (uint32_t)major << 16,
		.tcm_parent = TC_H_ROOT,
	};
	struct tc_htb_glob glob = {
		.version = TC_HTB_PROTOVER,
		.rate2quantum = RATE2QUANTUM,
		.defcls = defminor,
	};
	struct nlmsghdr *nlh = request(r, RTM_NEWQDISC, flags, &tcm, "htb", tag);
	struct nlattr *options;

	if (!nlh)
		return -ENOMEM;
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put(nlh, TCA_HTB_INIT, sizeof(glob), &glob);
	mnl_attr_put_u32(nlh, TCA_HTB_DIRECT_QLEN, direct_qlen);
	mnl_attr_nest_end(nlh, options);
	return 0;
}

int qdisc_add_htb(struct rtnl *r, uint32_t ifindex, uint16_t major, uint16_t defminor, uint32_t direct_qlen,
		  uint64_t tag)
{
	return add_htb(r, ADD_FLAGS | NLM_F_REPLACE, ifindex, major, defminor, direct_qlen, tag);
}

int qdisc_add_egress(struct rtnl *r, uint32_t ifindex, uint16_t major, bool replace, uint64_t tag)
{
	return add_htb(r, replace ? ADD_FLAGS | NLM_F_REPLACE : ADD_FLAGS, ifindex, major, 0, EGRESS_QLEN, tag);
}

int qdisc_del_egress(struct rtnl *r, uint32_t ifindex, uint16_t major, uint64_t tag)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)ifindex,
			     .tcm_handle = (uint32_t)major << 16,
			     .tcm_parent = TC_H_ROOT };

	return rtnl_add(r, RTM_DELQDISC, 0, &tcm, sizeof(tcm), tag) ? 0 : -ENOMEM;
}

int qdisc_add_noqueue(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_ROOT };

	return request(r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tcm, "noqueue", tag) ? 0 : -ENOMEM;
}

int qdisc_del_root(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_ROOT };

	return rtnl_add(r, RTM_DELQDISC, 0, &tcm, sizeof(tcm), tag) ? 0 : -ENOMEM;
}

static void put_bfifo(struct nlmsghdr *nlh, const struct leaf *leaf)
{
	struct tc_fifo_qopt opt = { .limit = leaf->limit };

	mnl_attr_put(nlh, TCA_OPTIONS, sizeof(opt), &opt);
}

/* All that others could have changed. Not the number of queues: the kernel refuses that in a change. */
static void put_fq_codel(struct nlmsghdr *nlh, const struct leaf *leaf)
{
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_TARGET, leaf->target_us);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_INTERVAL, leaf->interval_us);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_ECN, 1);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_LIMIT, FQ_CODEL_PACKETS);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_QUANTUM, FQ_CODEL_QUANTUM);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_CE_THRESHOLD, FQ_CODEL_NO_CE_THRESHOLD);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_MEMORY_LIMIT, leaf->limit);
	mnl_attr_nest_end(nlh, options);
}

static const struct {
	const char *kind;
	void (*put)(struct nlmsghdr *nlh, const struct leaf *leaf);
} leaves[] = {
	[LEAF_BFIFO] = { "bfifo", put_bfifo },
	[LEAF_FQ_CODEL] = { "fq_codel", put_fq_codel },
};

/*
 * With both flags and no handle the kernel changes a qdisc of this kind that is there, and replaces any
 * other.
 */
#define SET_FLAGS (NLM_F_CREATE | NLM_F_REPLACE)

int qdisc_set_leaf(struct rtnl *r, uint32_t ifindex, uint32_t parent, const struct leaf *leaf, uint64_t tag)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent };
	struct nlmsghdr *nlh;

	if (leaf->kind == LEAF_NONE)
		return -EINVAL;
	nlh = request(r, RTM_NEWQDISC, SET_FLAGS, &tcm, leaves[leaf->kind].kind, tag);
	if (!nlh)
		return -ENOMEM;
	leaves[leaf->kind].put(nlh, leaf);
	return 0;
}

static bool time_same(uint32_t a, uint32_t b)
{
	return a > b ? a - b <= FQ_CODEL_SLACK_US : b - a <= FQ_CODEL_SLACK_US;
}

/* fq_codel_change() keeps a limit of memory up to 2 GiB. */
static uint32_t limit_kept(const struct leaf *l)
{
	return l->kind == LEAF_FQ_CODEL && l->limit > 1U << 31 ? 1U << 31 : l->limit;
}

bool qdisc_leaf_same(const struct leaf *a, const struct leaf *b)
{
	return a->kind == b->kind && limit_kept(a) == limit_kept(b) &&
	       time_same(a->target_us, b->target_us) && time_same(a->interval_us, b->interval_us);
}

/*
 * Asks for one with an attribute cut short. A kernel that does not know the kind says so (qdisc_create(),
 * net/sched/sch_api.c: ENOENT); one that does fails at the attribute, before anything is grafted or changed.
 */
bool qdisc_has_fq_codel(struct rtnl *r)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = LOOPBACK_IFINDEX,
			     .tcm_parent = TC_H_ROOT };
	struct nlmsghdr *nlh = request(r, RTM_NEWQDISC, SET_FLAGS, &tcm, leaves[LEAF_FQ_CODEL].kind, 0);
	struct rtnl_failure fail = { 0 };
	struct nlattr *options;

	if (!nlh)
		return false;
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_u8(nlh, TCA_FQ_CODEL_TARGET, 0);
	mnl_attr_nest_end(nlh, options);
	return rtnl_commit(r, &fail, 1) == 1 && (fail.error == -ERANGE || fail.error == -EINVAL);
}
