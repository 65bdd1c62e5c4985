// SPDX-License-Identifier: GPL-2.0-or-later
#include "vnics.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "commit.h"
#include "kernel/bpf/tcx.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"
#include "kernel/proc/privilege.h"
#include "others.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void missed_free(struct missed_list *m)
{
	free(m->list);
	*m = (struct missed_list){ 0 };
}

/* --- attaching and detaching -------------------------------------------------------------------- */

struct batch {
	struct dataplane *p;
	const struct host *host;
	const struct tree *want;
	uint32_t *have; /* by uplink of want: its index in p->have; owned */
	struct missed_list *missed;
};

static struct tree_vnic *vnic_of_key(const struct tree *t, uint32_t key)
{
	return tree_vnic(t, key & ~DIVVY_RX, key & DIVVY_RX ? DIRECTION_RX : DIRECTION_TX);
}

/*
 * A hook that is there already belongs to others; a link that is gone takes its filters along. A vNIC that
 * takes no filter (its hook is a block that it shares with others, say) does not hold up the rest, unless it
 * keeps an old filter.
 */
static bool is_benign(const struct rtnl_failure *f, void *arg)
{
	struct batch *b = arg;
	struct missed m = { .key = (uint32_t)f->tag, .failure = *f };
	const struct tree_vnic *have;

	switch (op_of(f->tag)) {
	case OP_HOOK:
		/* It belongs to others, or there is none: it was noted as divvy's too early. */
		hooks_not_ours(&b->p->hooks, m.key & ~DIVVY_RX);
		return true;
	case OP_HOOK_AGAIN: /* only the filter had been taken away */
		return true;
	case OP_FILTER:
	case OP_FILTER_FIRST:
		have = vnic_of_key(&b->p->have, m.key);
		if (op_of(f->tag) == OP_FILTER_FIRST && f->error == -EINVAL)
			snprintf(m.failure.text, sizeof(m.failure.text),
				 "hook: first: preference 1 is another program's");
		if (f->error != -ENODEV && have && have->hooks & (HOOK_FILTER | HOOK_EGRESS))
			return false;
		return byifindex_insert(&b->missed->list, &b->missed->n, sizeof(m), &m) == 0;
	case OP_EGRESS: /* it is there already, or the filter's failure tells */
	case OP_UNEGRESS:
	case OP_UNFILTER:
	case OP_UNHOOK:
		return true; /* gone is what was wanted */
	default:
		return false;
	}
}

/* The vNIC is new: it needs the qdisc that filters hang on. */
static int add_hook(struct dataplane *p, const struct host *h, uint32_t ifindex)
{
	const struct link *l = host_link(h, ifindex);
	const struct hook *known = hooks_find(&p->hooks, ifindex);
	bool again = known && known->ours;
	int err;

	if (!again) /* another program's may have gone since */
		hooks_drop(&p->hooks, ifindex);
	err = hooks_add(&p->hooks, ifindex, l ? l->name : "", true, false);

	return err < 0 ? err :
			 qdisc_add_ingress(p->rtnl, ifindex, op_tag(again ? OP_HOOK_AGAIN : OP_HOOK, ifindex));
}

/* A root for filters at its egress, and what is known of the one that it replaces. */
static int add_root(struct dataplane *p, const struct host *h, const struct tree_vnic *v)
{
	const struct link *l = host_link(h, v->ifindex);
	int err = 0;

	if (v->egress.replaces)
		err = hooks_add(&p->noqueues, v->ifindex, l ? l->name : "", true, false);
	return err < 0 ? err :
			 qdisc_add_egress(p->rtnl, v->ifindex, HTB_MAJOR, v->egress.replaces,
					  op_tag(OP_EGRESS, dataplane_key(v)));
}

/* Where the filter of a vNIC is that has such a hook. */
static uint32_t parent_of(const struct tree_vnic *v)
{
	return v->hooks & HOOK_EGRESS ? v->egress.parent : FILTER_INGRESS;
}

static int set_filter(struct dataplane *p, const struct tree_vnic *v, uint32_t ifb)
{
	static const enum classifier_program programs[N_DIRECTIONS][2] = {
		[DIRECTION_TX] = { CLASSIFIER_TX_INGRESS, CLASSIFIER_TX_EGRESS },
		[DIRECTION_RX] = { CLASSIFIER_RX_INGRESS, CLASSIFIER_RX_EGRESS },
	};
	bool first = v->place == PLACE_FIRST;
	int fd = classifier_fd(p->classifier, programs[v->direction][!!(v->hooks & HOOK_EGRESS)]);

	return filter_set_at(p->rtnl, v->ifindex, parent_of(v), first, fd, TREE_CLASSID(v->minor), ifb,
			     op_tag(first ? OP_FILTER_FIRST : OP_FILTER, dataplane_key(v)));
}

/* v: as it is there. */
static int del_filter(struct dataplane *p, const struct tree_vnic *v, bool first)
{
	return filter_del_at(p->rtnl, v->ifindex, parent_of(v), first, op_tag(OP_UNFILTER, dataplane_key(v)));
}

/* Hooks of tc's that a vNIC is to have now. */
static unsigned int tc_hooks_due(const struct tree_vnic *v, const struct tree_vnic *have)
{
	return tree_hooks_due(v, have) & (HOOK_FILTER | HOOK_EGRESS);
}

/*
 * A clsact has places for both directions, and an `ingress` of divvy's own gives way to it. The other direction's filter
 * comes anew: for the time of a few commands its packets pass undivided.
 */
static int change_to_clsact(struct batch *b, const struct tree_vnic *v)
{
	const struct link *l = host_link(b->host, v->ifindex);
	const struct hook *known = hooks_find(&b->p->hooks, v->ifindex);
	const struct tree_vnic *other = tree_vnic(b->want, v->ifindex,
						  v->direction == DIRECTION_RX ? DIRECTION_TX : DIRECTION_RX);
	int err = 0;

	if (known && known->ours && !known->clsact)
		err = qdisc_del_ingress(b->p->rtnl, v->ifindex, op_tag(OP_UNHOOK, v->ifindex));
	hooks_drop(&b->p->hooks, v->ifindex);
	if (err >= 0)
		err = hooks_add(&b->p->hooks, v->ifindex, l ? l->name : "", true, true);
	if (err >= 0)
		err = qdisc_add_clsact(b->p->rtnl, v->ifindex, op_tag(OP_HOOK, v->ifindex));
	if (err >= 0 && other && tc_hooks_due(other, tree_same_vnic(&b->p->have, other)) & HOOK_FILTER)
		err = set_filter(b->p, other, b->p->have.uplinks[b->have[other->uplink]].ifb);
	return err;
}

static int attach(struct batch *b, const struct change *c)
{
	const struct tree_vnic *v = &b->want->vnics[c->item], *have = tree_same_vnic(&b->p->have, v);
	unsigned int due = tc_hooks_due(v, have);
	int err = 0;

	if (!due)
		return 0;
	if (due & HOOK_EGRESS && v->egress.root)
		err = add_root(b->p, b->host, v);
	else if (due & HOOK_EGRESS && v->egress.clsact)
		err = change_to_clsact(b, v);
	else if (due & HOOK_FILTER && !(have && have->hooks & HOOK_FILTER))
		err = add_hook(b->p, b->host, v->ifindex);
	return err < 0 ? err : set_filter(b->p, v, b->p->have.uplinks[b->have[v->uplink]].ifb);
}

/* --- tcx ---------------------------------------------------------------------------------------- */

static bool was_missed(const struct missed_list *missed, const struct tree_vnic *v)
{
	return byifindex_find(missed->list, missed->n, sizeof(*missed->list), dataplane_key(v));
}

/* One vNIC's. Each takes the kernel a grace period of RCU, about 15 ms. */
static int set_program(struct batch *b, const struct tree_vnic *v)
{
	struct classifier *c = b->p->classifier;
	const struct tree_vnic *have = tree_same_vnic(&b->p->have, v);
	bool due = tree_hooks_due(v, have) & HOOK_TCX;
	struct missed m = { .key = dataplane_key(v), .failure = { .error = 0 } };

	if (was_missed(b->missed, v))
		due = false;
	if (due)
		m.failure.error = tcx_set(v->ifindex, classifier_fd(c, CLASSIFIER_DIVERT), classifier_id(c, CLASSIFIER_DIVERT));
	else if (have && have->hooks & HOOK_TCX)
		(void)tcx_clear(v->ifindex, classifier_id(c, CLASSIFIER_DIVERT));
	if (m.failure.error >= 0)
		return 0;
	if (m.failure.error != -ENODEV && have)
		return m.failure.error;
	snprintf(m.failure.text, sizeof(m.failure.text), "tcx");
	return byifindex_insert(&b->missed->list, &b->missed->n, sizeof(m), &m);
}

/* Behind the filters: a program that goes leaves none of its packets undivided. */
static int set_programs(struct batch *b, const struct diff *d, char *errtext, size_t size)
{
	bool reserved;
	int err = 0;

	reserved = privilege_reserve(true); /* for the names of earlier divvyds' */
	for (size_t i = diff_first(d, CHANGE_ATTACH); i < d->n && err >= 0; i++) {
		if (d->list[i].kind == CHANGE_ATTACH || d->list[i].kind == CHANGE_REATTACH)
			err = set_program(b, &b->want->vnics[d->list[i].item]);
	}
	privilege_reserve(reserved);
	if (err < 0)
		snprintf(errtext, size, "attaching a program at tcx ingress of a vNIC failed: %s", strerror(-err));
	return err;
}

static bool filters_are_ours(struct dataplane *p, uint32_t ifindex, uint32_t parent)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;
	bool ours = filter_list_at(p->rtnl, ifindex, parent, &f, &n) >= 0;

	for (size_t i = 0; i < n && ours; i++)
		ours = f[i].ours;
	return ours;
}

/* divvy's hook goes with divvy's filter, unless others have put filters of their own there. */
static bool hook_is_free(struct dataplane *p, const struct hook *hook, uint32_t ifindex)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;

	if (!hook || !hook->ours)
		return false;
	if (p->others && others_has_none(p->others, ifindex))
		return true;
	/* An `ingress` has one place for filters, a clsact two. */
	if ((hook->clsact ? filter_list_all : filter_list)(p->rtnl, ifindex, &f, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!f[i].ours)
			return false;
	return true;
}

/* The filters that v has, as it is there. */
static int leave_filters(struct dataplane *p, const struct tree_vnic *v)
{
	int err = del_filter(p, v, v->place == PLACE_FIRST);

	return err < 0 || !v->both ? err : del_filter(p, v, v->place != PLACE_FIRST);
}

/* divvy's root goes unless others have put filters of their own there, and what it replaced comes back. */
static int leave_root(struct dataplane *p, const struct tree_vnic *v)
{
	uint64_t tag = op_tag(OP_UNEGRESS, dataplane_key(v));
	bool noqueue = hooks_find(&p->noqueues, v->ifindex);

	hooks_drop(&p->noqueues, v->ifindex);
	if (!filters_are_ours(p, v->ifindex, TREE_CLASSID(0U)))
		return leave_filters(p, v);
	return noqueue ? qdisc_add_noqueue(p->rtnl, v->ifindex, tag) :
			 qdisc_del_egress(p->rtnl, v->ifindex, HTB_MAJOR, tag);
}

/* A clsact of divvy's goes with the filter of the direction that is the last one there. */
static int leave_clsact(struct dataplane *p, const struct tree_vnic *v, const struct hook *hook)
{
	const struct tree_vnic *other = tree_vnic(&p->have, v->ifindex,
						  v->direction == DIRECTION_RX ? DIRECTION_TX : DIRECTION_RX);

	if (!hook || !hook->clsact || (other && other->hooks & HOOK_FILTER) || !hook_is_free(p, hook, v->ifindex))
		return leave_filters(p, v);
	hooks_drop(&p->hooks, v->ifindex);
	return qdisc_del_clsact(p->rtnl, v->ifindex, op_tag(OP_UNHOOK, v->ifindex));
}

/* The filter goes, and the qdisc, if it is divvy's. v: as it is there. */
static int leave_tc(struct dataplane *p, const struct tree_vnic *v)
{
	uint32_t ifindex = v->ifindex;
	const struct hook *hook = hooks_find(&p->hooks, ifindex);
	bool clsact = hook && hook->clsact, unhook;

	if (v->hooks & HOOK_EGRESS)
		return v->egress.root ? leave_root(p, v) : leave_clsact(p, v, hook);
	unhook = hook_is_free(p, hook, ifindex);
	hooks_drop(&p->hooks, ifindex);
	if (unhook)
		return clsact ? qdisc_del_clsact(p->rtnl, ifindex, op_tag(OP_UNHOOK, ifindex)) :
				qdisc_del_ingress(p->rtnl, ifindex, op_tag(OP_UNHOOK, ifindex));
	return leave_filters(p, v);
}

/* Whether a filter that is there has to go from its place once the one that is wanted stands. */
static bool left_place(const struct tree_vnic *v, const struct tree_vnic *have)
{
	return parent_of(v) != parent_of(have);
}

/*
 * Filters that stand at their new place go from the old one; those go whose vNIC is divided by a program now. A batch of
 * its own, for a refused filter keeps its old place.
 */
static int leave_old_places(struct batch *b, const struct diff *d, char *errtext, size_t size)
{
	int err = 0;

	for (size_t i = diff_first(d, CHANGE_ATTACH); i < d->n && err >= 0; i++) {
		const struct tree_vnic *v, *have;

		if (d->list[i].kind != CHANGE_REATTACH)
			continue;
		v = &b->want->vnics[d->list[i].item];
		have = tree_same_vnic(&b->p->have, v);
		if (!have || !(have->hooks & (HOOK_FILTER | HOOK_EGRESS)) || was_missed(b->missed, v))
			continue;
		if (!tc_hooks_due(v, have) || left_place(v, have))
			err = leave_tc(b->p, have);
		else if (have->both || have->place != v->place)
			err = del_filter(b->p, v, v->place != PLACE_FIRST);
	}
	return err < 0 || !rtnl_pending(b->p->rtnl) ? err : commit(b->p->rtnl, is_benign, b, errtext, size);
}

/* The vNIC's packets pass undivided as soon as the map forgets it. */
static int detach(struct dataplane *p, const struct tree_vnic *v)
{
	classifier_clear(p->classifier, dataplane_key(v));
	burst_forget(p->burst, dataplane_key(v));
	if (v->hooks & HOOK_TCX) {
		bool reserved = privilege_reserve(true);

		(void)tcx_clear(v->ifindex, classifier_id(p->classifier, CLASSIFIER_DIVERT)); /* gone is what was wanted */
		privilege_reserve(reserved);
	}
	return v->hooks & (HOOK_FILTER | HOOK_EGRESS) ? leave_tc(p, v) : 0;
}

/* have's vNICs are want's, without those that were missed, or are not to be attached to yet. */
static int merge_vnics(struct batch *b)
{
	uint64_t now = clock_now_ns();
	const struct tree *want = b->want;
	struct tree *have = &b->p->have;
	struct tree_vnic *v = calloc(want->n_vnics + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < want->n_vnics; i++) {
		const struct tree_vnic *there = tree_same_vnic(have, &want->vnics[i]);
		bool attached = there;

		if (was_missed(b->missed, &want->vnics[i]) ||
		    (want->vnics[i].not_before_ns && !attached))
			continue;
		v[n] = want->vnics[i];
		v[n].hooks = tree_hooks_due(&want->vnics[i], there);
		v[n].egress.replaces = v[n].egress.clsact = false; /* it has */
		if (!attached || v[n].hooks & ~there->hooks & (HOOK_FILTER | HOOK_EGRESS))
			settle_attached(&b->p->settle, v[n].ifindex, now);
		v[n++].uplink = b->have[want->vnics[i].uplink];
	}
	free(have->vnics);
	have->vnics = v;
	have->n_vnics = n;
	return 0;
}

/* Others removed the filter of a vNIC that is not wanted any more: the qdisc that divvy made is still there. */
static int detach_hooks(struct dataplane *p, const struct tree *want)
{
	int err = 0;

	for (size_t i = p->hooks.n; i-- > 0 && err >= 0;) {
		const struct tree_vnic v = { .ifindex = p->hooks.list[i].ifindex, .hooks = HOOK_FILTER };

		if (!tree_has_vnic(want, v.ifindex) && !tree_has_vnic(&p->have, v.ifindex))
			err = detach(p, &v);
	}
	return err;
}

int vnics_apply(struct dataplane *p, const struct host *h, const struct tree *want, const struct diff *d,
		struct missed_list *missed, char *errtext, size_t size)
{
	struct batch b = {
		.p = p, .host = h, .want = want, .missed = missed, .have = tree_match(want, &p->have)
	};
	int err = b.have ? 0 : -ENOMEM;

	for (size_t i = diff_first(d, CHANGE_ATTACH); i < d->n && err >= 0; i++) {
		const struct change *c = &d->list[i];

		if (c->kind == CHANGE_ATTACH || c->kind == CHANGE_REATTACH)
			err = attach(&b, c);
		else if (c->kind == CHANGE_DETACH)
			err = detach(p, &p->have.vnics[c->item]);
	}
	if (err >= 0)
		err = detach_hooks(p, want);
	if (err >= 0)
		err = commit(p->rtnl, is_benign, &b, errtext, size);
	if (err >= 0)
		err = set_programs(&b, d, errtext, size);
	if (err >= 0)
		err = leave_old_places(&b, d, errtext, size);
	if (err >= 0)
		err = merge_vnics(&b);
	free(b.have);
	return err;
}
