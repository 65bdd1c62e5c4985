// SPDX-License-Identifier: GPL-2.0-or-later
#include "lookout.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/net/linkstats.h"
#include "kernel/net/qdisc.h"
#include "kernel/proc/softnet.h"

#include <assert.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* --- one look ----------------------------------------------------------------------------------- */

/* A qdisc at ingress. */
struct ingress {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint64_t bytes, drops;
};

struct look {
	struct undivided *u;
	const struct lookout_input *in;
	uint32_t *moved; /* vNICs that received something since the look before, ascending; owned */
	struct undivided_reading *r; /* of those; owned */
	size_t n;
	struct ingress *ingress; /* sorted by ifindex; owned */
	size_t n_ingress;
	bool has_ingress;
};

static void look_free(struct look *l)
{
	free(l->moved);
	free(l->r);
	free(l->ingress);
}

/* Those that send through a tap's or veth's ingress. */
static bool is_watched(const struct tree_vnic *v)
{
	return v->direction == DIRECTION_TX && !(v->hooks & HOOK_EGRESS);
}

static bool follows(const struct undivided *u, const struct tree *have)
{
	size_t n = 0;

	for (size_t i = 0; i < have->n_vnics; i++) {
		if (!is_watched(&have->vnics[i]))
			continue;
		if (n == u->n || u->list[n++].ifindex != have->vnics[i].ifindex)
			return false;
	}
	return n == u->n;
}

static int follow(struct undivided *u, const struct lookout_input *in)
{
	const struct tree *have = &in->plane->have;
	_cleanup_free_ struct undivided_id *ids = NULL;
	size_t n = 0;

	if (follows(u, have)) /* at rest this is all */
		return 0;
	ids = calloc(have->n_vnics + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct link *l = host_link(in->host, have->vnics[i].ifindex);

		if (!is_watched(&have->vnics[i]))
			continue;
		ids[n++] = (struct undivided_id){ .ifindex = have->vnics[i].ifindex,
						  .exact = l && l->kind == LINK_TUN };
	}
	return undivided_follow(u, ids, n);
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* What the vNICs themselves count: which of them moved, and their readings begin. */
static int read_vnics(struct look *l)
{
	_cleanup_free_ struct link_stats *stats = NULL;
	size_t n = 0, at = 0;
	int err = link_stats_list(l->in->plane->rtnl, &stats, &n);

	if (err < 0)
		return err;
	for (size_t i = 0; i < n && at < l->u->n; i++) {
		struct undivided_vnic *v;

		while (at < l->u->n && l->u->list[at].ifindex < stats[i].ifindex)
			at++;
		v = &l->u->list[at];
		if (at == l->u->n || v->ifindex != stats[i].ifindex)
			continue;
		if (!undivided_moved(v, stats[i].rx_packets)) {
			undivided_rest(v);
			continue;
		}
		l->moved[l->n] = v->ifindex;
		l->r[l->n++] = (struct undivided_reading){ .rx_packets = stats[i].rx_packets,
							   .rx_bytes = stats[i].rx_bytes };
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

/* Once a look: drops of qdiscs at ingress, and what came to them. */
static int read_ingress(struct look *l)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n = 0;
	int err;

	if (l->has_ingress)
		return 0;
	err = qdisc_list(l->in->plane->rtnl, 0, &q, &n);
	if (err < 0)
		return err;
	l->ingress = calloc(n + 1, sizeof(*l->ingress));
	if (!l->ingress)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == TC_H_INGRESS)
			l->ingress[l->n_ingress++] = (struct ingress){ q[i].ifindex, q[i].bytes, q[i].drops };
	if (l->n_ingress)
		qsort(l->ingress, l->n_ingress, sizeof(*l->ingress), compare_ifindex);
	l->has_ingress = true;
	return 0;
}

static void fill_ingress(const struct look *l, size_t i)
{
	const struct ingress *q = byifindex_find(l->ingress, l->n_ingress, sizeof(*q), l->moved[i]);

	l->r[i].reached = q ? q->bytes : 0;
	l->r[i].drops = q ? q->drops : 0;
}

/* Compare what was read; the vNICs' own counters were read first. */
static int compare(struct look *l, uint64_t now_ns, lookout_cb cb, void *arg)
{
	for (size_t i = 0; i < l->n; i++)
		if (undivided_of(l->u, l->moved[i])->watched) {
			int err = read_ingress(l);

			if (err < 0)
				return err;
			break;
		}
	for (size_t i = 0; i < l->n; i++) {
		struct undivided_vnic *v = undivided_of(l->u, l->moved[i]);
		enum undivided_change change;

		if (v->watched)
			fill_ingress(l, i);
		change = undivided_look(v, &l->r[i], now_ns);
		if (change != UNDIVIDED_SAME)
			cb(v, change, arg);
	}
	return 0;
}

/* Windows begin, with what was read until now and, behind it, with the vNICs' own counters anew. */
static int start_windows(struct look *l)
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
			err = read_ingress(l);
			if (err >= 0)
				err = link_stats_list(l->in->plane->rtnl, &stats, &n);
			if (err < 0)
				return err;
		}
		s = byifindex_find(stats, n, sizeof(*s), v->ifindex);
		if (!s)
			continue;
		fill_ingress(l, i);
		l->r[i].rx_packets = s->rx_packets;
		l->r[i].rx_bytes = s->rx_bytes;
		undivided_start(v, &l->r[i]);
	}
	return err;
}

int lookout_look(struct undivided *u, const struct lookout_input *in, uint64_t now_ns, lookout_cb cb,
		 void *arg)
{
	_cleanup_(look_free) struct look l = { .u = u, .in = in };
	uint32_t received;
	int err = follow(u, in);

	if (err < 0 || u->n == 0 || (softnet_received(&received) >= 0 && undivided_skips(u, received)))
		return err;
	l.moved = reallocarray(NULL, u->n, sizeof(*l.moved));
	l.r = reallocarray(NULL, u->n, sizeof(*l.r)); /* not calloc(): at rest it stays untouched */
	if (!l.moved || !l.r)
		return -ENOMEM;
	err = read_vnics(&l);
	if (err >= 0 && l.n)
		err = read_counted(&l);
	if (err >= 0)
		err = compare(&l, now_ns, cb, arg);
	return err < 0 ? err : start_windows(&l);
}

/* --- words -------------------------------------------------------------------------------------- */

const char *lookout_first(const struct undivided_vnic *v, const struct host *h, const struct others *o,
			  char buf[OTHERS_TEXT_SIZE])
{
	const struct others_vnic *filters = others_of(o, v->ifindex);
	char early[EARLY_MAX][EARLY_TEXT_SIZE] = { "" };
	size_t n = v->before_tc ? others_early(h, v->ifindex, early) : 0;

	static_assert(EARLY_TEXT_SIZE <= OTHERS_TEXT_SIZE, "a line of either fits");
	snprintf(buf, OTHERS_TEXT_SIZE, "%s",
		 n            ? early[0] :
		 v->before_tc ? "" :
		 filters      ? others_before(filters) :
				"");
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

const char *lookout_hint(const struct undivided_vnic *v, const char *first, enum hook_place place)
{
	if (!first[0])
		return "";
	if (v->before_tc)
		return "hook: first does not go before it";
	return place == PLACE_FIRST ? "" : "hook: first would go before it";
}
