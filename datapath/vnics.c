// SPDX-License-Identifier: GPL-2.0-or-later

/* The data path's way in: which class a vNIC's packets go to, and the classifier at its tc ingress. */

#include "commit.h"

#include "base/cleanup.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <string.h>

/* Step 3: the map tells every new or moved vNIC's class. */
static int apply_map(struct dataplane *p, const struct tree *want)
{
	_cleanup_free_ uint32_t *ifindex = calloc(want->n_vnics + 1, sizeof(*ifindex));
	_cleanup_free_ uint32_t *classid = calloc(want->n_vnics + 1, sizeof(*classid));
	size_t n = 0;

	if (!ifindex || !classid)
		return -ENOMEM;
	for (size_t i = 0; i < want->n_vnics; i++) {
		const struct tree_vnic *w = &want->vnics[i], *h = tree_vnic(&p->have, w->ifindex);

		if (h && h->minor == w->minor && h->node != NODE_NONE)
			continue;
		ifindex[n] = w->ifindex;
		classid[n++] = TREE_CLASSID(w->minor);
	}
	return n ? classifier_set_many(p->classifier, ifindex, classid, n) : 0;
}

struct filter_outcome {
	struct dataplane *p;
	struct dataplane_missed *missed;
	size_t *n_missed;
};

/*
 * A hook that is there already is another's; a link that is gone takes its filters along. A vNIC that takes
 * no filter (its hook is a block that it shares with others, say) does not hold up the rest, unless it keeps
 * an old one.
 */
static bool filter_benign(const struct rtnl_failure *f, void *arg)
{
	struct filter_outcome *o = arg;
	uint32_t ifindex = (uint32_t)f->tag;

	switch (tag_op(f->tag)) {
	case OP_CLSACT:
		/* another's, or none: it had been noted as ours too early */
		hooks_drop(&o->p->hooks, ifindex);
		return true;
	case OP_CLSACT_AGAIN: /* only the filter had been taken away */
		return true;
	case OP_FILTER:
		if (f->error != -ENODEV && tree_vnic(&o->p->have, ifindex))
			return false;
		o->missed[(*o->n_missed)++] = (struct dataplane_missed){ .ifindex = ifindex, .failure = *f };
		return true;
	case OP_UNFILTER:
	case OP_UNHOOK:
		return true; /* gone is what was wanted */
	default:
		return false;
	}
}

static bool uplink_same(const struct tree *a, uint32_t i, const struct tree *b, uint32_t j)
{
	return strcmp(a->uplinks[i].name, b->uplinks[j].name) == 0;
}

/* Step 4, first half: filters for new vNICs and those that change their uplink. */
static int add_filters(struct dataplane *p, const struct tree *want, const struct host *h)
{
	int err = 0;

	for (size_t i = 0; i < want->n_vnics && err >= 0; i++) {
		const struct tree_vnic *w = &want->vnics[i], *have = tree_vnic(&p->have, w->ifindex);
		uint32_t ifb = tree_uplink_named(&p->have, want->uplinks[w->uplink].name)->ifb;

		if (have && have->node != NODE_NONE && have->minor == w->minor &&
		    uplink_same(want, w->uplink, &p->have, have->uplink))
			continue;
		if (!have) {
			const struct link *l = host_link(h, w->ifindex);
			bool again = hooks_find(&p->hooks, w->ifindex);

			err = hooks_add(&p->hooks, w->ifindex, l ? l->name : "", true);
			if (err >= 0)
				err = qdisc_add_clsact(p->rtnl, w->ifindex,
						       tag(again ? OP_CLSACT_AGAIN : OP_CLSACT, w->ifindex));
		}
		if (err >= 0)
			err = filter_set(p->rtnl, w->ifindex, classifier_prog_fd(p->classifier),
					 TREE_CLASSID(w->minor), ifb, tag(OP_FILTER, w->ifindex));
	}
	return err;
}

/* divvy's hook goes with divvy's filter, unless somebody has put filters of their own there. */
static bool hook_is_free(struct dataplane *p, uint32_t ifindex)
{
	const struct hook *hook = hooks_find(&p->hooks, ifindex);
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;

	if (!hook || !hook->ours || filter_list_all(p->rtnl, ifindex, &f, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!f[i].ours)
			return false;
	return true;
}

/* Step 4, second half: released vNICs. Their packets pass unscheduled as soon as the map forgets them. */
static int remove_filters(struct dataplane *p, const struct tree *want)
{
	int err = 0;

	for (size_t i = 0; i < p->have.n_vnics && err >= 0; i++) {
		uint32_t ifindex = p->have.vnics[i].ifindex;
		bool unhook;

		if (tree_vnic(want, ifindex))
			continue;
		classifier_clear(p->classifier, ifindex);
		unhook = hook_is_free(p, ifindex);
		hooks_drop(&p->hooks, ifindex);
		err = unhook ? qdisc_del_clsact(p->rtnl, ifindex, tag(OP_UNHOOK, ifindex)) :
			       filter_del(p->rtnl, ifindex, tag(OP_UNFILTER, ifindex));
	}
	return err;
}

/* After step 4: have's vNICs are want's, without those that were missed. */
static int merge_vnics(struct dataplane *p, const struct tree *want, const struct dataplane_missed *missed,
		       size_t n_missed)
{
	struct tree_vnic *v = calloc(want->n_vnics + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < want->n_vnics; i++) {
		const char *uplink = want->uplinks[want->vnics[i].uplink].name;
		bool is_missed = false;

		for (size_t j = 0; j < n_missed; j++)
			is_missed |= missed[j].ifindex == want->vnics[i].ifindex;
		if (is_missed)
			continue;
		v[n] = want->vnics[i];
		v[n++].uplink = (uint32_t)(tree_uplink_named(&p->have, uplink) - p->have.uplinks);
	}
	free(p->have.vnics);
	p->have.vnics = v;
	p->have.n_vnics = n;
	return 0;
}

int dataplane_apply_vnics(struct dataplane *p, const struct host *h, const struct tree *want,
			  struct dataplane_missed *missed, size_t *n_missed, char *errtext, size_t size)
{
	struct filter_outcome outcome = { .p = p, .missed = missed, .n_missed = n_missed };
	int err = apply_map(p, want);

	if (err >= 0)
		err = add_filters(p, want, h);
	if (err >= 0)
		err = remove_filters(p, want);
	if (err >= 0)
		err = dataplane_commit(p, filter_benign, &outcome, errtext, size);
	if (err >= 0)
		err = merge_vnics(p, want, missed, *n_missed);
	return err;
}
