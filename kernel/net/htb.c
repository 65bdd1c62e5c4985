/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "htb.h"

#include "attr.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define MAJOR (HTB_MAJOR << 16)
/* include/net/pkt_sched.h, PSCHED_SHIFT: a tick of the interface is 64 ns, on every kernel since 2.6.31 */
#define TICK_NS 64U
/*
 * An inner class's quantum is never used, but where a request has none the kernel computes one from the
 * rate and complains in its log that it is too large (net/sched/sch_htb.c, htb_change_class()).
 */
#define QUANTUM_INNER 65536U

/* A bucket as the time that it takes to fill, rounded up so that it holds at least what was asked for. */
static uint32_t burst_ticks(uint64_t bytes, struct rate rate)
{
	unsigned __int128 per_tick = (unsigned __int128)rate.bytes_ps * TICK_NS;
	unsigned __int128 ticks = ((unsigned __int128)bytes * NSEC_PER_SEC + per_tick - 1) / per_tick;

	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

static uint64_t burst_bytes(uint32_t ticks, struct rate rate)
{
	unsigned __int128 nanobytes = (unsigned __int128)(ticks * (uint64_t)TICK_NS) * rate.bytes_ps;
	unsigned __int128 bytes;

	if (nanobytes <= UINT64_MAX) /* nearly always, and a division of 64 bits is much cheaper */
		return (uint64_t)nanobytes / NSEC_PER_SEC;
	bytes = nanobytes / NSEC_PER_SEC;
	return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}

/*
 * With a link layer named, the kernel computes transmission times itself and needs no rate table
 * (sch_htb.c: a table is looked up for TC_LINKLAYER_UNAWARE only).
 */
static struct tc_ratespec ratespec(struct rate rate, uint16_t overhead)
{
	return (struct tc_ratespec){
		.linklayer = TC_LINKLAYER_ETHERNET,
		.overhead = overhead,
		.rate = rate.bytes_ps > UINT32_MAX ? UINT32_MAX : (uint32_t)rate.bytes_ps,
	};
}

static int class_request(struct rtnl *r, uint16_t flags, uint32_t ifindex, const struct htb_class *c,
			 uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = MAJOR | c->minor,
		.tcm_parent = c->parent ? MAJOR | c->parent : TC_H_ROOT,
	};
	struct tc_htb_opt opt = {
		.rate = ratespec(c->rate, c->overhead),
		.ceil = ratespec(c->ceil, c->overhead),
		.quantum = c->quantum ? c->quantum : QUANTUM_INNER,
	};
	struct nlmsghdr *nlh;
	struct nlattr *options;

	if (c->minor == 0 || c->rate.bytes_ps == 0 || c->ceil.bytes_ps < c->rate.bytes_ps)
		return -EINVAL;
	opt.buffer = burst_ticks(c->burst, c->rate);
	opt.cbuffer = burst_ticks(c->cburst, c->ceil);
	nlh = rtnl_add(r, RTM_NEWTCLASS, flags, &tcm, sizeof(tcm), tag);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, TCA_KIND, "htb");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put(nlh, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (c->rate.bytes_ps > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_RATE64, c->rate.bytes_ps);
	if (c->ceil.bytes_ps > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_CEIL64, c->ceil.bytes_ps);
	mnl_attr_nest_end(nlh, options);
	return 0;
}

/*
 * The kernel walks all classes of the qdisc for each one that comes or goes (net/sched/sch_api.c,
 * tc_bind_tclass()): 40 us each at 1,000 classes, growing with their number. A change does not.
 */
int htb_class_add(struct rtnl *r, uint32_t ifindex, const struct htb_class *c, uint64_t tag)
{
	return class_request(r, NLM_F_CREATE | NLM_F_EXCL, ifindex, c, tag);
}

int htb_class_change(struct rtnl *r, uint32_t ifindex, const struct htb_class *c, uint64_t tag)
{
	return class_request(r, 0, ifindex, c, tag);
}

int htb_class_del(struct rtnl *r, uint32_t ifindex, uint16_t minor, uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = MAJOR | minor,
	};

	return rtnl_add(r, RTM_DELTCLASS, 0, &tcm, sizeof(tcm), tag) ? 0 : -ENOMEM;
}

/* --- dump -------------------------------------------------------------------------------------- */

struct listed {
	struct htb_class c;
	struct htb_stats s;
};

struct class_dump {
	struct listed *list; /* in the order of the kernel's hash */
	size_t n;
};

static int parse_options(const struct nlattr *options, struct htb_class *c)
{
	const struct nlattr *tb[TCA_HTB_CEIL64 + 1];
	struct tc_htb_opt opt;

	attr_table_nested(options, tb, TCA_HTB_CEIL64);
	if (!attr_copy(tb[TCA_HTB_PARMS], &opt, sizeof(opt)))
		return -EBADMSG;
	c->rate.bytes_ps = attr_u64(tb[TCA_HTB_RATE64], opt.rate.rate);
	c->ceil.bytes_ps = attr_u64(tb[TCA_HTB_CEIL64], opt.ceil.rate);
	c->burst = burst_bytes(opt.buffer, c->rate);
	c->cburst = burst_bytes(opt.cbuffer, c->ceil);
	c->overhead = opt.rate.overhead;
	c->leaf = opt.level == 0;
	c->quantum = c->leaf ? opt.quantum : 0;
	return 0;
}

static void parse_stats(const struct nlattr *stats2, const struct nlattr *xstats, struct htb_stats *s)
{
	const struct nlattr *tb[TCA_STATS_PKT64 + 1];
	struct gnet_stats_basic basic = { 0 };
	struct gnet_stats_queue queue = { 0 };
	struct tc_htb_xstats x = { 0 };

	attr_table_nested(stats2, tb, TCA_STATS_PKT64);
	(void)attr_copy(tb[TCA_STATS_BASIC], &basic, sizeof(basic));
	(void)attr_copy(tb[TCA_STATS_QUEUE], &queue, sizeof(queue));
	(void)attr_copy(xstats, &x, sizeof(x));
	s->bytes = basic.bytes;
	s->packets = attr_u64(tb[TCA_STATS_PKT64], basic.packets);
	s->drops = queue.drops;
	s->overlimits = queue.overlimits;
	s->backlog_bytes = queue.backlog;
	s->backlog_packets = queue.qlen;
	s->lended = x.lends;
	s->borrowed = x.borrows;
}

static int parse_class(const struct nlmsghdr *nlh, struct listed *l)
{
	struct htb_class *c = &l->c;
	struct htb_stats *s = &l->s;
	const struct nlattr *tb[TCA_STATS2 + 1];
	char kind[16];
	struct tcmsg tcm;

	if (nlh->nlmsg_type != RTM_NEWTCLASS || mnl_nlmsg_get_payload_len(nlh) < sizeof(tcm))
		return -EBADMSG;
	memcpy(&tcm, mnl_nlmsg_get_payload(nlh), sizeof(tcm));
	attr_table(nlh, sizeof(tcm), tb, TCA_STATS2);
	attr_str(tb[TCA_KIND], kind, sizeof(kind));
	if (strcmp(kind, "htb") != 0 || parse_options(tb[TCA_OPTIONS], c) < 0)
		return -EBADMSG;
	if (TC_H_MAJ(tcm.tcm_handle) != MAJOR)
		return -EBADMSG;
	c->minor = TC_H_MIN(tcm.tcm_handle);
	c->parent = tcm.tcm_parent == TC_H_ROOT ? 0 : TC_H_MIN(tcm.tcm_parent);
	parse_stats(tb[TCA_STATS2], tb[TCA_XSTATS], s);
	s->minor = c->minor;
	s->parent = c->parent;
	s->leaf = c->leaf;
	return 0;
}

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	struct class_dump *d = arg;

	if (!nlh) {
		d->n = 0;
		return 0;
	}
	if (array_reserve(&d->list, d->n, sizeof(*d->list)) < 0)
		return -ENOMEM;
	if (parse_class(nlh, &d->list[d->n]) == 0)
		d->n++;
	return 0;
}

static void class_dump_free(struct class_dump *d)
{
	free(d->list);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Minor and place of each class, sorted by minor: eight bytes are moved while sorting, not a whole class. */
static uint64_t *sort_places(const struct class_dump *d)
{
	uint64_t *place = malloc((d->n ? d->n : 1) * sizeof(*place));

	for (size_t i = 0; place && i < d->n; i++)
		place[i] = (uint64_t)d->list[i].c.minor << 32 | i;
	if (place && d->n)
		qsort(place, d->n, sizeof(*place), compare_u64);
	return place;
}

int htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex };
	_cleanup_(class_dump_free) struct class_dump d = { 0 };
	_cleanup_free_ struct htb_class *classes = NULL;
	_cleanup_free_ struct htb_stats *stats = NULL;
	_cleanup_free_ uint64_t *place = NULL;
	int err = rtnl_dump(r, RTM_GETTCLASS, &tcm, sizeof(tcm), collect, &d);
	size_t room;

	if (err < 0)
		return err;
	room = d.n ? d.n : 1;
	place = sort_places(&d);
	classes = c ? malloc(room * sizeof(*classes)) : NULL;
	stats = s ? malloc(room * sizeof(*stats)) : NULL;
	if (!place || (c && !classes) || (s && !stats))
		return -ENOMEM;
	for (size_t i = 0; i < d.n; i++) {
		const struct listed *l = &d.list[(uint32_t)place[i]];

		if (classes)
			classes[i] = l->c;
		if (stats)
			stats[i] = l->s;
	}
	*n = d.n;
	if (c)
		*c = TAKE_PTR(classes);
	if (s)
		*s = TAKE_PTR(stats);
	return 0;
}

struct answer {
	struct htb_stats s;
	bool found;
};

static int take_answer(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *a = arg;
	struct listed l = { 0 };

	if (!nlh || parse_class(nlh, &l) < 0)
		return 0;
	a->s = l.s;
	a->found = true;
	return 0;
}

int htb_get_stats(struct rtnl *r, uint32_t ifindex, uint16_t minor, struct htb_stats *s)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_handle = MAJOR | minor };
	struct answer a = { 0 };
	int err = rtnl_get(r, RTM_GETTCLASS, &tcm, sizeof(tcm), take_answer, &a);

	if (err < 0)
		return err;
	if (!a.found)
		return -ENOENT;
	*s = a.s;
	return 0;
}

/* A bucket reads back as what fits whole ticks: up to a tick's bytes more, and cut to whole bytes. */
static bool burst_same(uint64_t a, uint64_t b, struct rate rate)
{
	uint64_t most = burst_bytes(UINT32_MAX, rate);
	uint64_t slack = 1 + burst_bytes(1, rate);

	if (a > most)
		a = most;
	if (b > most)
		b = most;
	return a > b ? a - b <= slack : b - a <= slack;
}

/*
 * Whether a class is a leaf is left out: the kernel sees that by its children, and an inner class without
 * children yet reads as a leaf.
 */
bool htb_class_same(const struct htb_class *a, const struct htb_class *b)
{
	return a->minor == b->minor && a->parent == b->parent && a->rate.bytes_ps == b->rate.bytes_ps &&
	       a->ceil.bytes_ps == b->ceil.bytes_ps && a->overhead == b->overhead &&
	       (!a->leaf || !b->leaf || a->quantum == b->quantum) &&
	       burst_same(a->burst, b->burst, a->rate) && burst_same(a->cburst, b->cburst, a->ceil);
}
