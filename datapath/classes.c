// SPDX-License-Identifier: GPL-2.0-or-later

/* The data path's IFBs with their HTB classes and queues: made, changed, drained. */

#include "commit.h"

#include "base/cleanup.h"
#include "kernel/net/qdisc.h"
#include "observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IFB_TXQLEN 1000 /* packets between HTB and re-injection; the kernel's default of 32 stalls it */

/* --- applying ---------------------------------------------------------------------------------- */

static int next_ifb_name(struct dataplane *p, char name[IFNAMSIZ])
{
	struct link l;

	for (unsigned int i = 0; i < 10000; i++) {
		int err;

		snprintf(name, IFNAMSIZ, "divvy%u", i);
		err = link_get(p->rtnl, name, &l);
		if (err == -ENODEV)
			return 0;
		if (err < 0)
			return err;
	}
	return -ENOSPC;
}

static bool is_there(const struct rtnl_failure *f, void *arg)
{
	(void)arg;
	return f->error == -EEXIST;
}

/* HTB at the root of an IFB without classes. It may be there: a divvyd was killed before it made them. */
static int make_root(struct dataplane *p, uint32_t ifb, char *errtext, size_t size)
{
	int err = qdisc_add_htb(p->rtnl, ifb, 1, TREE_MINOR_DEFAULT, IFB_TXQLEN, tag(OP_ROOT, 0));

	return err < 0 ? err : dataplane_commit(p, is_there, NULL, errtext, size);
}

/* Step 1 for one uplink: the IFB, known again by its alias, with HTB at its root. */
static int make_ifb(struct dataplane *p, const char *uplink, char *errtext, size_t size)
{
	char name[IFNAMSIZ], alias[LINK_ALIAS_SIZE];
	struct tree_uplink *bigger;
	struct link l;
	int err = next_ifb_name(p, name);

	if (err < 0)
		return err;
	snprintf(alias, sizeof(alias), OBSERVE_ALIAS_PREFIX "%s", uplink);
	err = link_add_ifb(p->rtnl, name, alias, IFB_TXQLEN, tag(OP_IFB, 0));
	if (err >= 0)
		err = dataplane_commit(p, NULL, NULL, errtext, size);
	if (err >= 0)
		err = link_get(p->rtnl, name, &l);
	if (err < 0)
		return err;
	err = make_root(p, l.ifindex, errtext, size);
	if (err < 0)
		return err;
	bigger = reallocarray(p->have.uplinks, p->have.n_uplinks + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	p->have.uplinks = bigger;
	bigger[p->have.n_uplinks] = (struct tree_uplink){ .ifb = l.ifindex };
	snprintf(bigger[p->have.n_uplinks++].name, IFNAMSIZ, "%s", uplink);
	return 0;
}

/* Index of an uplink's classes by minor, for a diff in O(n). */
struct class_index {
	struct tree_class *of[UINT16_MAX + 1];
};

static void index_classes(const struct tree_uplink *u, struct class_index *ix)
{
	memset(ix, 0, sizeof(*ix));
	for (size_t i = 0; i < u->n_classes; i++)
		ix->of[u->classes[i].htb.minor] = &u->classes[i];
}

/* Step 2 for one uplink: append what differs. */
static int diff_classes(struct dataplane *p, uint32_t ifb, const struct tree_uplink *want,
			const struct class_index *have)
{
	int err = 0;

	for (size_t i = 0; i < want->n_classes && err >= 0; i++) {
		const struct tree_class *w = &want->classes[i], *h = have->of[w->htb.minor];
		uint64_t t = tag(OP_CLASS, w->htb.minor);

		if (!h)
			err = htb_class_add(p->rtnl, ifb, &w->htb, t);
		else if (!htb_class_same(&h->htb, &w->htb))
			err = htb_class_change(p->rtnl, ifb, &w->htb, t);
		if (err >= 0 && w->htb.leaf && (!h || !leaf_same(&h->leaf, &w->leaf)))
			err = qdisc_set_leaf(p->rtnl, ifb, TREE_CLASSID(w->htb.minor), &w->leaf,
					     tag(OP_QUEUE, w->htb.minor));
	}
	return err;
}

/* After step 2: what is wanted is there; what is there and not wanted drains. */
static int merge_classes(struct tree_uplink *have, const struct tree_uplink *want)
{
	_cleanup_free_ struct class_index *ix = malloc(sizeof(*ix));
	struct tree_class *merged = calloc(have->n_classes + want->n_classes + 1, sizeof(*merged));
	size_t n = 0;

	if (!ix || !merged) {
		free(merged);
		return -ENOMEM;
	}
	index_classes(want, ix);
	for (size_t i = 0; i < want->n_classes; i++)
		merged[n++] = want->classes[i];
	for (size_t i = 0; i < have->n_classes; i++)
		if (!ix->of[have->classes[i].htb.minor])
			merged[n++] = have->classes[i];
	free(have->classes);
	have->classes = merged;
	have->n_classes = n;
	return 0;
}

int dataplane_apply_classes(struct dataplane *p, const struct tree *want, char *errtext, size_t size)
{
	_cleanup_free_ struct class_index *ix = malloc(sizeof(*ix));
	int err = ix ? 0 : -ENOMEM;

	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++) {
		const struct tree_uplink *have = tree_uplink_named(&p->have, want->uplinks[i].name);

		if (!have)
			err = make_ifb(p, want->uplinks[i].name, errtext, size);
		else if (have->n_classes == 0) /* removed by somebody, or a divvyd was killed too early */
			err = make_root(p, have->ifb, errtext, size);
	}
	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++) {
		struct tree_uplink *have = tree_uplink_named(&p->have, want->uplinks[i].name);

		index_classes(have, ix);
		err = diff_classes(p, have->ifb, &want->uplinks[i], ix);
	}
	if (err >= 0)
		err = dataplane_commit(p, NULL, NULL, errtext, size);
	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++)
		err = merge_classes(tree_uplink_named(&p->have, want->uplinks[i].name), &want->uplinks[i]);
	rtnl_discard(p->rtnl);
	return err;
}

/* --- draining ---------------------------------------------------------------------------------- */

/* Delete empty classes that are not wanted; a network goes in the pass after that of its devices.
 * Returns how many are left. */
static int drain_uplink(struct dataplane *p, struct tree_uplink *have, const struct tree_uplink *want)
{
	_cleanup_free_ struct htb_stats *stats = NULL;
	size_t n_stats = 0, kept = 0;
	int left = 0, err = htb_list(p->rtnl, have->ifb, NULL, &stats, &n_stats);

	if (err < 0)
		return err;
	for (size_t i = 0; i < have->n_classes; i++) {
		struct tree_class c = have->classes[i];
		bool wanted = want && tree_class(want, c.htb.minor), busy = false;

		for (size_t j = 0; j < n_stats && !wanted; j++)
			busy |= (stats[j].minor == c.htb.minor && stats[j].backlog_packets > 0) ||
				stats[j].parent == c.htb.minor;
		if (!wanted && !busy) {
			htb_class_del(p->rtnl, have->ifb, c.htb.minor, tag(OP_CLASS, c.htb.minor));
			continue;
		}
		left += !wanted;
		have->classes[kept++] = c;
	}
	have->n_classes = kept;
	return left;
}

int dataplane_drain(struct dataplane *p, const struct tree *want)
{
	struct rtnl_failure fail;
	int left = 0;

	for (size_t i = p->have.n_uplinks; i-- > 0;) {
		struct tree_uplink *have = &p->have.uplinks[i];
		struct tree_uplink *wanted = tree_uplink_named(want, have->name);
		int n = drain_uplink(p, have, wanted);

		if (n < 0)
			return n;
		left += n;
		if (wanted || n > 0 || have->n_classes > 0)
			continue;
		link_del(p->rtnl, have->ifb, tag(OP_IFB, 0));
		free(have->classes);
		memmove(have, have + 1, (p->have.n_uplinks - i - 1) * sizeof(*have));
		p->have.n_uplinks--;
		for (size_t v = 0; v < p->have.n_vnics; v++)
			p->have.vnics[v].uplink -= p->have.vnics[v].uplink > i;
	}
	if (rtnl_commit(p->rtnl, &fail, 1) != 0)
		p->stale = true;
	return left;
}
