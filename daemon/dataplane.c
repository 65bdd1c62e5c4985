// SPDX-License-Identifier: GPL-2.0-or-later
#include "dataplane.h"

#include "core/cleanup.h"
#include "kernel/filter.h"
#include "kernel/qdisc.h"
#include "observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IFB_TXQLEN 1000 /* packets between HTB and re-injection; the kernel's default of 32 stalls it */

/* A request's tag: what it was, and about which vNIC, uplink or class. */
enum op {
	OP_IFB,
	OP_ROOT,
	OP_CLASS,
	OP_QUEUE,
	OP_CLSACT,
	OP_CLSACT_AGAIN,
	OP_FILTER,
	OP_UNFILTER,
	OP_UNHOOK,
};

static const char *const op_text[] = {
	[OP_IFB] = "making an IFB device",
	[OP_ROOT] = "making the HTB root of an uplink",
	[OP_CLASS] = "setting an HTB class",
	[OP_QUEUE] = "setting a class's queue",
	[OP_CLSACT] = "attaching to a vNIC",
	[OP_CLSACT_AGAIN] = "attaching to a vNIC again",
	[OP_FILTER] = "attaching the classifier to a vNIC",
	[OP_UNFILTER] = "detaching the classifier from a vNIC",
	[OP_UNHOOK] = "removing a vNIC's hook",
};

static uint64_t tag(enum op op, uint32_t what)
{
	return (uint64_t)op << 32 | what;
}

static enum op tag_op(uint64_t t)
{
	return (enum op)(t >> 32);
}

int dataplane_open(struct dataplane *p, char *errtext, size_t size)
{
	int err;

	*p = (struct dataplane){ .stale = true };
	err = rtnl_open(&p->rtnl);
	if (err < 0) {
		snprintf(errtext, size, "cannot open rtnetlink: %s", strerror(-err));
		return err;
	}
	p->fq_codel = qdisc_has_fq_codel(p->rtnl);
	return classifier_open(&p->classifier, errtext, size);
}

void dataplane_close(struct dataplane *p)
{
	p->rtnl = rtnl_close(p->rtnl);
	p->classifier = classifier_close(p->classifier);
	tree_free(&p->have);
	hooks_free(&p->hooks);
}

int dataplane_observe(struct dataplane *p)
{
	struct tree seen;
	int err = observe(p->rtnl, &seen);

	if (err < 0)
		return err;
	tree_free(&p->have);
	p->have = seen;
	p->stale = false;
	return 0;
}

void dataplane_forget(struct dataplane *p, uint32_t ifindex)
{
	struct tree_vnic *v = tree_vnic(&p->have, ifindex);

	hooks_drop(&p->hooks, ifindex);
	for (size_t i = 0; i < p->have.n_uplinks; i++)
		if (p->have.uplinks[i].ifb == ifindex)
			p->stale = true;
	if (!v)
		return;
	classifier_clear(p->classifier, ifindex);
	memmove(v, v + 1, (size_t)(&p->have.vnics[p->have.n_vnics] - (v + 1)) * sizeof(*v));
	p->have.n_vnics--;
}

/* --- applying ---------------------------------------------------------------------------------- */

/* Commit; true if all went well or only with errors that benign() accepts, else errtext is filled. */
static int commit(struct dataplane *p, bool (*benign)(const struct rtnl_failure *, void *), void *arg,
		  char *errtext, size_t size)
{
	size_t n_requests = rtnl_pending(p->rtnl);
	_cleanup_free_ struct rtnl_failure *fail = calloc(n_requests + 1, sizeof(*fail));
	int n;

	if (!fail)
		return -ENOMEM;
	n = rtnl_commit(p->rtnl, fail, n_requests);
	if (n < 0) {
		snprintf(errtext, size, "rtnetlink: %s", strerror(-n));
		p->stale = true;
		return n;
	}
	for (int i = 0; i < n; i++) { /* at most one a request */
		if (benign && benign(&fail[i], arg))
			continue;
		snprintf(errtext, size, "%s failed: %s%s%s", op_text[tag_op(fail[i].tag)],
			 strerror(-fail[i].error), fail[i].text[0] ? ": " : "", fail[i].text);
		p->stale = true;
		return fail[i].error;
	}
	return 0;
}

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

	return err < 0 ? err : commit(p, is_there, NULL, errtext, size);
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
		err = commit(p, NULL, NULL, errtext, size);
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

static int apply_classes(struct dataplane *p, const struct tree *want, char *errtext, size_t size)
{
	_cleanup_free_ struct class_index *ix = malloc(sizeof(*ix));
	int err = ix ? 0 : -ENOMEM;

	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++) {
		const struct tree_uplink *have = tree_uplink_named(&p->have, want->uplinks[i].name);

		if (!have)
			err = make_ifb(p, want->uplinks[i].name, errtext, size);
		else if (have->n_classes == 0) /* removed by somebody, or never made by a divvyd that was killed */
			err = make_root(p, have->ifb, errtext, size);
	}
	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++) {
		struct tree_uplink *have = tree_uplink_named(&p->have, want->uplinks[i].name);

		index_classes(have, ix);
		err = diff_classes(p, have->ifb, &want->uplinks[i], ix);
	}
	if (err >= 0)
		err = commit(p, NULL, NULL, errtext, size);
	for (size_t i = 0; i < want->n_uplinks && err >= 0; i++)
		err = merge_classes(tree_uplink_named(&p->have, want->uplinks[i].name), &want->uplinks[i]);
	rtnl_discard(p->rtnl);
	return err;
}

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
 * A hook that is there already is another's; a link that is gone takes its filters along. A vNIC that takes no
 * filter (its hook is a block that it shares with others, say) does not hold up the rest, unless it keeps an old one.
 */
static bool filter_benign(const struct rtnl_failure *f, void *arg)
{
	struct filter_outcome *o = arg;
	uint32_t ifindex = (uint32_t)f->tag;

	switch (tag_op(f->tag)) {
	case OP_CLSACT:
		hooks_drop(&o->p->hooks, ifindex); /* another's, or none: it had been noted as ours too early */
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

int dataplane_apply(struct dataplane *p, const struct host *h, const struct tree *want,
		    struct dataplane_missed *missed, size_t *n_missed, char *errtext, size_t size)
{
	struct filter_outcome outcome = { .p = p, .missed = missed, .n_missed = n_missed };
	int err;

	*n_missed = 0;
	snprintf(errtext, size, "out of memory");
	err = apply_classes(p, want, errtext, size);
	if (err >= 0)
		err = apply_map(p, want);
	if (err >= 0)
		err = add_filters(p, want, h);
	if (err >= 0)
		err = remove_filters(p, want);
	if (err >= 0)
		err = commit(p, filter_benign, &outcome, errtext, size);
	if (err >= 0)
		err = merge_vnics(p, want, missed, *n_missed);
	rtnl_discard(p->rtnl);
	if (err < 0)
		p->stale = true;
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
