// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookout.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/net/filter.h"
#include "kernel/net/linkstats.h"
#include "kernel/net/qdisc.h"
#include "kernel/proc/softnet.h"

#include <assert.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* --- one look ----------------------------------------------------------------------------------- */

/* Qdiscs of an interface: at ingress, and its root. */
struct queues {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint64_t bytes, drops; /* at ingress */
	uint64_t waiting;      /* packets at the root */
};

struct look {
	struct undivided *u;
	const struct lookout_input *in;
	uint32_t *moved; /* keys of vNICs that counted something since the look before, ascending; owned */
	struct undivided_reading *r; /* of those; owned */
	size_t n;
	struct queues *queues; /* sorted by ifindex; owned */
	size_t n_queues;
	bool has_queues;
};

static void look_free(struct look *l)
{
	free(l->moved);
	free(l->r);
	free(l->queues);
}

static uint32_t ifindex_of(uint32_t key)
{
	return key & ~DIVVY_RX;
}

static bool follows(const struct undivided *u, const struct tree *have)
{
	size_t n = 0;

	for (enum direction d = 0; d < N_DIRECTIONS; d++)
		for (size_t i = 0; i < have->n_vnics; i++)
			if (have->vnics[i].direction == d &&
			    (n == u->n || u->list[n++].key != dataplane_key(&have->vnics[i])))
				return false;
	return n == u->n;
}

static enum undivided_at where_met(const struct lookout_input *in, const struct tree_vnic *v)
{
	const struct link *l = host_link(in->host, v->ifindex);

	return v->hooks & HOOK_EGRESS		   ? UNDIVIDED_EGRESS :
	       !l || l->kind == LINK_VETH ? UNDIVIDED_MERGED :
						   UNDIVIDED_INGRESS;
}

/*
 * Whether the list may be another's than of these vNICs. The walk of follows() is left to looks that are not skipped:
 * the first packets of a vNIC that took another one's place bring one about.
 */
static bool may_follow(const struct undivided *u, const struct tree *have)
{
	return u->n == have->n_vnics;
}

/* Keys ascend: those of what the VMs receive are behind all others (kernel/bpf/abi.h). */
static int follow(struct undivided *u, const struct lookout_input *in)
{
	const struct tree *have = &in->plane->have;
	_cleanup_free_ struct undivided_id *ids = NULL;
	size_t n = 0;

	static_assert(DIRECTION_TX < DIRECTION_RX, "the order of the keys");
	if (follows(u, have)) /* at rest this is all */
		return 0;
	ids = calloc(have->n_vnics + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (enum direction d = 0; d < N_DIRECTIONS; d++)
		for (size_t i = 0; i < have->n_vnics; i++)
			if (have->vnics[i].direction == d)
				ids[n++] = (struct undivided_id){ dataplane_key(&have->vnics[i]),
								  where_met(in, &have->vnics[i]) };
	return undivided_follow(u, ids, n);
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* What a vNIC counts of the packets that the classifier is to meet. */
static void take_own(const struct undivided_vnic *v, const struct link_stats *s, struct undivided_reading *r)
{
	bool sent = v->at == UNDIVIDED_EGRESS;

	r->packets = sent ? s->tx_packets : s->rx_packets;
	r->bytes = sent ? s->tx_bytes : s->rx_bytes;
}

/* What the vNICs themselves count: which of them moved, and their readings begin. */
static int read_vnics(struct look *l)
{
	_cleanup_free_ struct link_stats *stats = NULL;
	size_t n = 0, at = 0;
	int err = link_stats_list(l->in->plane->rtnl, &stats, &n);

	if (err < 0)
		return err;
	for (size_t i = 0; i < l->u->n; i++) {
		struct undivided_vnic *v = &l->u->list[i];
		struct undivided_reading r = { 0 };

		if (i && ifindex_of(v->key) < ifindex_of(v[-1].key)) /* the other direction begins */
			at = 0;
		while (at < n && stats[at].ifindex < ifindex_of(v->key))
			at++;
		if (at == n || stats[at].ifindex != ifindex_of(v->key))
			continue;
		take_own(v, &stats[at], &r);
		if (!undivided_moved(v, r.packets)) {
			undivided_rest(v);
			continue;
		}
		l->moved[l->n] = v->key;
		l->r[l->n++] = r;
	}
	return 0;
}

static int read_counted(struct look *l)
{
	_cleanup_free_ struct divvy_counters *c = calloc(l->n + 1, sizeof(*c));
	int err = c ? classifier_read_many(l->in->plane->classifier, l->moved, l->n, c) : -ENOMEM;

	for (size_t i = 0; i < l->n && err >= 0; i++)
		l->r[i].counted = c[i];
	return err;
}

static void take_qdisc(struct look *l, const struct qdisc *q)
{
	struct queues *last = l->n_queues ? &l->queues[l->n_queues - 1] : NULL;

	if (q->parent != TC_H_INGRESS && q->parent != TC_H_ROOT)
		return;
	if (!last || last->ifindex != q->ifindex) {
		last = &l->queues[l->n_queues++];
		*last = (struct queues){ .ifindex = q->ifindex };
	}
	if (q->parent == TC_H_ROOT) {
		last->waiting += q->backlog_packets;
	} else {
		last->bytes += q->bytes;
		last->drops += q->drops;
	}
}

/* Once a look: drops of qdiscs at ingress and what came to them, and what waits at roots. */
static int read_queues(struct look *l)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n = 0;
	int err;

	if (l->has_queues)
		return 0;
	err = qdisc_list(l->in->plane->rtnl, 0, &q, &n);
	if (err < 0)
		return err;
	l->queues = calloc(n + 1, sizeof(*l->queues));
	if (!l->queues)
		return -ENOMEM;
	if (n)
		qsort(q, n, sizeof(*q), compare_ifindex);
	for (size_t i = 0; i < n; i++)
		take_qdisc(l, &q[i]);
	l->has_queues = true;
	return 0;
}

/* A driver may hold as many as its queues are long, before it counts them (drivers/net/tun.c, tun_put_user()). */
static uint64_t held_by_driver(const struct look *l, uint32_t ifindex)
{
	const struct link *link = host_link(l->in->host, ifindex);

	return link ? (uint64_t)link->txqlen * (link->queues ? link->queues : 1) : 0;
}

static void fill_queues(const struct look *l, size_t i)
{
	uint32_t ifindex = ifindex_of(l->moved[i]);
	const struct queues *q = byifindex_find(l->queues, l->n_queues, sizeof(*q), ifindex);

	if (undivided_of(l->u, l->moved[i])->at == UNDIVIDED_EGRESS) {
		l->r[i].waiting = (q ? q->waiting : 0) + held_by_driver(l, ifindex);
		return;
	}
	l->r[i].reached = q ? q->bytes : 0;
	l->r[i].drops = q ? q->drops : 0;
}

/* Compare what was read; the vNICs' own counters were read first. */
static int compare(struct look *l, uint64_t now_ns, lookout_cb cb, void *arg)
{
	for (size_t i = 0; i < l->n; i++)
		if (undivided_of(l->u, l->moved[i])->watched) {
			int err = read_queues(l);

			if (err < 0)
				return err;
			break;
		}
	for (size_t i = 0; i < l->n; i++) {
		struct undivided_vnic *v = undivided_of(l->u, l->moved[i]);
		enum undivided_change change;

		if (v->watched)
			fill_queues(l, i);
		change = undivided_look(v, &l->r[i], now_ns);
		if (change != UNDIVIDED_SAME)
			cb(v, change, arg);
	}
	return 0;
}

/* Windows begin, with what was read until now and, behind it, with the vNICs' own counters anew. */
static int start_windows(struct look *l, uint64_t now_ns)
{
	_cleanup_free_ struct link_stats *stats = NULL;
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < l->n && err >= 0; i++) {
		struct undivided_vnic *v = undivided_of(l->u, l->moved[i]);
		const struct link_stats *s;

		if (!v->wants_start)
			continue;
		if (!stats) {
			err = read_queues(l);
			if (err >= 0)
				err = link_stats_list(l->in->plane->rtnl, &stats, &n);
			if (err < 0)
				return err;
		}
		s = byifindex_find(stats, n, sizeof(*s), ifindex_of(v->key));
		if (!s)
			continue;
		fill_queues(l, i);
		take_own(v, s, &l->r[i]);
		undivided_start(v, &l->r[i], now_ns);
	}
	return err;
}

static int look_at_moved(struct look *l, uint64_t now_ns, lookout_cb cb, void *arg)
{
	struct undivided *u = l->u;
	int err;

	l->moved = reallocarray(NULL, u->n + 1, sizeof(*l->moved));
	l->r = reallocarray(NULL, u->n + 1, sizeof(*l->r)); /* not calloc(): at rest it stays untouched */
	if (!l->moved || !l->r)
		return -ENOMEM;
	err = read_vnics(l);
	if (err >= 0 && l->n)
		err = read_counted(l);
	if (err >= 0)
		err = compare(l, now_ns, cb, arg);
	return err < 0 ? err : start_windows(l, now_ns);
}

int lookout_look(struct undivided *u, const struct lookout_input *in, uint64_t now_ns, lookout_cb cb,
		 void *arg)
{
	_cleanup_(look_free) struct look l = { .u = u, .in = in };
	uint32_t received;
	int err;

	if (!u->n && !in->plane->have.n_vnics)
		return 0;
	if (may_follow(u, &in->plane->have) && softnet_received(in->softnet, &received) >= 0 &&
	    undivided_skips(u, received, in->host->n_xdp != 0))
		return 0;
	err = follow(u, in);
	if (err < 0)
		return err;
	err = look_at_moved(&l, now_ns, cb, arg);
	undivided_over(u);
	return err;
}

/* --- words -------------------------------------------------------------------------------------- */

/* At egress nothing tells whether packets came to tc's filters: a filter of others is named, else a program. */
static void first_at_egress(const struct lookout_input *in, const struct undivided_vnic *v, char buf[OTHERS_TEXT_SIZE])
{
	const struct tree_vnic *there = tree_vnic(&in->plane->have, ifindex_of(v->key),
						  v->key & DIVVY_RX ? DIRECTION_RX : DIRECTION_TX);
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;

	if (there && filter_list_at(in->plane->rtnl, there->ifindex, there->egress.parent, &f, &n) >= 0)
		for (size_t i = 0; i < n && !f[i].ours; i++)
			if (!f[i].chain) {
				snprintf(buf, OTHERS_TEXT_SIZE, "filter %s pref %u", f[i].kind, f[i].pref);
				return;
			}
	others_early_egress(ifindex_of(v->key), buf);
}

const char *lookout_first(const struct undivided_vnic *v, const struct lookout_input *in, const struct others *o,
			  char buf[OTHERS_TEXT_SIZE])
{
	const struct others_vnic *filters = others_of(o, ifindex_of(v->key));
	char early[EARLY_MAX][EARLY_TEXT_SIZE] = { "" };
	size_t n = v->before_tc ? others_early(in->host, ifindex_of(v->key), early) : 0;

	static_assert(EARLY_TEXT_SIZE <= OTHERS_TEXT_SIZE, "a line of either fits");
	buf[0] = '\0';
	if (v->at == UNDIVIDED_EGRESS)
		first_at_egress(in, v, buf);
	else if (n || v->before_tc)
		snprintf(buf, OTHERS_TEXT_SIZE, "%s", early[0]);
	else if (filters)
		snprintf(buf, OTHERS_TEXT_SIZE, "%s", others_before(filters));
	return buf;
}

/* A qdisc counts what its filters drop; before it, the kernel does not tell what was dropped. */
const char *lookout_text(const struct undivided_vnic *v, const char *first, char buf[LOOKOUT_TEXT_SIZE])
{
	char part[32] = "";

	if (v->kept_permille < 995)
		snprintf(part, sizeof(part), "%u %% of ", (v->kept_permille + 5) / 10);
	if (first[0])
		snprintf(buf, LOOKOUT_TEXT_SIZE, "not divided: %s %s %sthe packets", first,
			 v->before_tc ? "keeps or drops" : "keeps", part);
	else
		snprintf(buf, LOOKOUT_TEXT_SIZE, "not divided: %sthe packets do not come to %s", part,
			 v->before_tc ? "tc ingress" : "divvy's filter");
	return buf;
}

const char *lookout_unknown_text(const struct undivided_vnic *v, uint64_t now_ns, char buf[LOOKOUT_TEXT_SIZE])
{
	snprintf(buf, LOOKOUT_TEXT_SIZE, "not known whether it is divided: it was not %llu s ago, and too few packets came since to tell",
		 (unsigned long long)((now_ns - v->missed_ns) / NSEC_PER_SEC));
	return buf;
}

const char *lookout_hint(const struct undivided_vnic *v, const char *first, enum hook_place place)
{
	if (!first[0])
		return "";
	if (v->before_tc)
		return "hook: first does not go before it";
	return place == PLACE_FIRST ? "" : "hook: first would go before it";
}
