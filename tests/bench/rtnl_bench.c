/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Batches of rtnetlink requests for many devices, in a namespace of their own. */
#include "bench.h"

#include "base/cleanup.h"
#include "kernel/bpf/classifier.h"
#include "kernel/net/filter.h"
#include "kernel/net/htb.h"
#include "kernel/net/link.h"
#include "kernel/net/nft.h"
#include "kernel/net/qdisc.h"

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define ROUNDS 5
#define RATE 1000000ULL
#define FIRST 0x10
#define CLASS(minor) TC_H_MAKE(HTB_MAJOR << 16, (uint32_t)(minor))

struct bench {
	struct rtnl *r, *events;
	struct classifier *c;
	uint32_t n; /* devices */
	uint32_t ifb;
	uint32_t *nic;
};

static struct htb_class class_of(uint32_t i, uint64_t rate)
{
	return (struct htb_class){
		.minor = (uint16_t)(FIRST + i),
		.parent = 1,
		.rate = { rate },
		.ceil = { RATE * 1000 },
		.burst = 20000,
		.cburst = 20000,
		.quantum = 70000,
		.leaf = true,
	};
}

static void commit(struct bench *b, const char *what)
{
	struct rtnl_failure f = { 0 };
	int n = rtnl_commit(b->r, &f, 1);

	bench_need(n < 0 ? n : f.error, what);
}

/* --- what is measured ---------------------------------------------------------------------------- */

static void classes_add(struct bench *b)
{
	static const struct leaf leaf = { .kind = LEAF_BFIFO, .limit = 1000000 };

	for (uint32_t i = 0; i < b->n; i++) {
		struct htb_class c = class_of(i, RATE);

		bench_need(htb_class_add(b->r, b->ifb, &c, i), "class");
		bench_need(qdisc_set_leaf(b->r, b->ifb, CLASS(FIRST + i), &leaf, i), "bfifo");
	}
	commit(b, "add classes");
}

static void classes_change(struct bench *b)
{
	static uint64_t rate = RATE;

	rate++;
	for (uint32_t i = 0; i < b->n; i++) {
		struct htb_class c = class_of(i, rate);

		bench_need(htb_class_change(b->r, b->ifb, &c, i), "class");
	}
	commit(b, "change classes");
}

static void limits_change(struct bench *b)
{
	static struct leaf leaf = { .kind = LEAF_BFIFO, .limit = 1000000 };

	leaf.limit++;
	for (uint32_t i = 0; i < b->n; i++)
		bench_need(qdisc_set_leaf(b->r, b->ifb, CLASS(FIRST + i), &leaf, i), "bfifo");
	commit(b, "change limits");
}

static void classes_list(struct bench *b)
{
	_cleanup_free_ struct htb_class *c = NULL;
	_cleanup_free_ struct htb_stats *s = NULL;
	size_t n;

	bench_need(htb_list(b->r, b->ifb, &c, &s, &n), "list classes");
	bench_need(n == b->n + 1 ? 0 : -EINVAL, "number of classes");
}

static void classes_read(struct bench *b)
{
	struct htb_stats s;

	for (uint32_t i = 0; i < b->n; i++)
		bench_need(htb_get_stats(b->r, b->ifb, (uint16_t)(FIRST + i), &s), "read a class");
}

static void classes_del(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		bench_need(htb_class_del(b->r, b->ifb, (uint16_t)(FIRST + i), i), "class");
	commit(b, "delete classes");
}

static void filters_add(struct bench *b)
{
	int prog = classifier_fd(b->c, CLASSIFIER_TX_INGRESS);

	for (uint32_t i = 0; i < b->n; i++) {
		bench_need(qdisc_add_clsact(b->r, b->nic[i], i), "clsact");
		bench_need(filter_set(b->r, b->nic[i], prog, CLASS(FIRST + i), b->ifb, i), "filter");
	}
	commit(b, "add filters");
}

static void filters_replace(struct bench *b)
{
	int prog = classifier_fd(b->c, CLASSIFIER_TX_INGRESS);

	for (uint32_t i = 0; i < b->n; i++)
		bench_need(filter_set(b->r, b->nic[i], prog, CLASS(FIRST + i), b->ifb, i), "filter");
	commit(b, "replace filters");
}

static void filters_list(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		_cleanup_free_ struct filter *f = NULL;
		size_t n;

		bench_need(filter_list(b->r, b->nic[i], &f, &n), "list filters");
		bench_need(n == 1 && f[0].ours ? 0 : -EINVAL, "number of filters");
	}
}

static void filters_del(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		bench_need(qdisc_del_clsact(b->r, b->nic[i], i), "clsact");
	commit(b, "delete filters");
}

static void map_set(struct bench *b)
{
	_cleanup_free_ struct divvy_device *device = calloc(b->n, sizeof(*device));

	bench_need(device ? 0 : -ENOMEM, "memory");
	bench_need(classifier_set_many(b->c, b->nic, device, b->n), "classifier_set_many");
}

static void map_read(struct bench *b)
{
	struct divvy_counters n;

	for (uint32_t i = 0; i < b->n; i++)
		bench_need(classifier_read(b->c, b->nic[i], &n), "classifier_read");
}

static void map_read_many(struct bench *b)
{
	_cleanup_free_ struct divvy_counters *n = calloc(b->n, sizeof(*n));

	bench_need(n ? 0 : -ENOMEM, "memory");
	bench_need(classifier_read_many(b->c, b->nic, b->n, n), "classifier_read_many");
}

static void map_clear(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		bench_need(classifier_clear(b->c, b->nic[i]), "classifier_clear");
}

static void links_list(struct bench *b)
{
	_cleanup_free_ struct link *l = NULL;
	size_t n;

	bench_need(link_list(b->r, &l, &n), "list links");
}

static void qdiscs_list(struct bench *b)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n;

	bench_need(qdisc_list(b->r, 0, &q, &n), "list qdiscs");
}

static void nft_look(struct bench *b)
{
	_cleanup_free_ struct nft_hook *list = NULL;
	size_t n;

	(void)b;
	bench_need(nft_hooks(&list, &n), "nft");
}

static const struct step {
	const char *name;
	void (*run)(struct bench *b);
} steps[] = {
	{ "add HTB classes, each with a bfifo", classes_add },
	{ "change the classes", classes_change },
	{ "change the bfifos' limits", limits_change },
	{ "list classes with statistics", classes_list },
	{ "read statistics, class by class", classes_read },
	{ "add clsact and filter to each vNIC", filters_add },
	{ "replace the filters", filters_replace },
	{ "list filters, vNIC by vNIC", filters_list },
	{ "list all qdiscs", qdiscs_list },
	{ "list all links", links_list },
	{ "map: new devices, one call", map_set },
	{ "map: the same again", map_set },
	{ "map: read counters, one by one", map_read },
	{ "map: read counters, all at once", map_read_many },
	{ "map: clear, one by one", map_clear },
	{ "look for nft hooks, none there", nft_look },
	{ "delete clsacts", filters_del },
	{ "delete classes", classes_del },
};

/* --- surroundings ---------------------------------------------------------------------------------- */

static void make_ifb(struct bench *b)
{
	struct htb_class root = class_of(0, RATE * 1000);
	struct link l;

	root.minor = 1;
	root.parent = 0;
	bench_need(link_add_ifb(b->r, "bench-ifb", "bench", 1000, 0), "ifb");
	commit(b, "ifb");
	bench_need(link_get(b->r, "bench-ifb", &l), "ifb");
	b->ifb = l.ifindex;
	bench_need(qdisc_add_htb(b->r, b->ifb, HTB_MAJOR, 0xfffe, 10, 0), "htb");
	bench_need(htb_class_add(b->r, b->ifb, &root, 0), "root class");
	commit(b, "tree");
}

/* IFBs stand for vNICs: the cheapest kind of link to make. */
static void make_nics(struct bench *b)
{
	b->nic = calloc(b->n, sizeof(*b->nic));
	bench_need(b->nic ? 0 : -ENOMEM, "memory");
	for (uint32_t i = 0; i < b->n; i++) {
		struct ifinfomsg ifi = { .ifi_index = (int)(100000 + i) };
		struct nlattr *info;
		struct nlmsghdr *nlh;

		nlh = rtnl_add(b->r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), i);
		bench_need(nlh ? 0 : -ENOMEM, "memory");
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ifb");
		mnl_attr_nest_end(nlh, info);
		b->nic[i] = (uint32_t)ifi.ifi_index;
	}
	commit(b, "links");
}

static int ignore(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

static void measure(struct bench *b, bool listening)
{
	uint64_t ns[ARRAY_SIZE(steps)][ROUNDS];

	if (listening)
		bench_need(rtnl_events_open(&b->events, true), "events");
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			uint64_t from = now_ns();

			steps[i].run(b);
			ns[i][round] = now_ns() - from;
			if (b->events)
				(void)rtnl_events_read(b->events, ignore, NULL);
		}
	printf("\n%u devices, %s (median of %d, range)\n", b->n,
	       listening ? "an event socket listening to tc and links" : "no socket listening", ROUNDS);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		double mid = (double)bench_median(ns[i], ROUNDS) / 1e6;

		printf("%-38s %8.2f ms  (%.2f .. %.2f)\n", steps[i].name, mid, (double)ns[i][0] / 1e6,
		       (double)ns[i][ROUNDS - 1] / 1e6);
	}
	b->events = rtnl_close(b->events);
}

int main(int argc, char **argv)
{
	struct bench b = { .n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000 };
	char why[256] = "";
	int err;

	if (b.n == 0 || b.n > 60000) {
		fprintf(stderr, "usage: %s [1..60000 devices]\n", argv[0]);
		return EXIT_FAILURE;
	}
	bench_netns();
	bench_need(rtnl_open(&b.r), "rtnl_open");
	err = classifier_open(&b.c, why, sizeof(why));
	bench_need(err, why);
	make_ifb(&b);
	make_nics(&b);
	measure(&b, false);
	measure(&b, true);
	free(b.nic);
	classifier_close(b.c);
	rtnl_close(b.r);
	return 0;
}
