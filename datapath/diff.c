// SPDX-License-Identifier: GPL-2.0-or-later
#include "diff.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/net/qdisc.h"

#include <errno.h>

void diff_free(struct diff *d)
{
	free(d->list);
	*d = (struct diff){ 0 };
}

size_t diff_first(const struct diff *d, enum change_kind kind)
{
	size_t i = 0;

	while (i < d->n && d->list[i].kind < kind)
		i++;
	return i;
}

/* A diff under way; err sticks. */
struct differ {
	const struct tree *have, *want;
	uint32_t *to_have, *to_want; /* indexes of uplinks in the other tree; owned */
	struct diff d;
	int err;
};

static void put(struct differ *f, enum change_kind kind, size_t uplink, size_t item)
{
	struct change c = { .kind = kind, .uplink = (uint32_t)uplink, .item = (uint32_t)item };

	if (f->err < 0)
		return;
	f->err = array_reserve(&f->d.list, f->d.n, sizeof(*f->d.list));
	if (f->err < 0)
		return;
	f->d.list[f->d.n++] = c;
}

static void put_fresh(struct differ *f, enum change_kind kind, size_t uplink, size_t item, bool fresh)
{
	put(f, kind, uplink, item);
	if (f->err >= 0)
		f->d.list[f->d.n - 1].fresh = fresh;
}

/* --- classes ------------------------------------------------------------------------------------ */

static int compare_minor(const void *key, const void *class)
{
	return (int)*(const uint16_t *)key - (int)((const struct tree_class *)class)->htb.minor;
}

/* Of an uplink that was observed: its classes are sorted by minor. */
static const struct tree_class *class_of(const struct tree_uplink *u, uint16_t minor)
{
	return u && u->n_classes ?
		       bsearch(&minor, u->classes, u->n_classes, sizeof(*u->classes), compare_minor) :
		       NULL;
}

static void diff_classes(struct differ *f, size_t w, const struct tree_uplink *have)
{
	const struct tree_uplink *want = &f->want->uplinks[w];

	for (size_t i = 0; i < want->n_classes; i++) {
		const struct tree_class *c = &want->classes[i], *was = class_of(have, c->htb.minor);

		if (!was)
			put(f, CHANGE_ADD_CLASS, w, i);
		else if (!htb_class_same(&was->htb, &c->htb))
			put(f, CHANGE_SET_CLASS, w, i);
		if (c->htb.leaf && (!was || !qdisc_leaf_same(&was->leaf, &c->leaf)))
			put_fresh(f, CHANGE_SET_QUEUE, w, i, !was);
	}
}

static void diff_superfluous(struct differ *f, size_t h, const struct tree_uplink *want)
{
	const struct tree_uplink *have = &f->have->uplinks[h];
	_cleanup_free_ struct minor_set *wanted = calloc(1, sizeof(*wanted));

	if (!wanted) {
		f->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; want && i < want->n_classes; i++)
		minor_set_add(wanted, want->classes[i].htb.minor);
	for (size_t i = 0; i < have->n_classes; i++)
		if (!minor_set_has(wanted, have->classes[i].htb.minor) && !have->classes[i].theirs)
			put(f, CHANGE_DRAIN_CLASS, h, i);
	if (!want)
		put(f, CHANGE_DRAIN_IFB, h, 0);
}

/*
 * Whether the classes cannot be mended in place: the kernel moves no class to another parent, and a leaf that
 * has got a child has lost its queue.
 */
static bool beyond_repair(const struct tree_uplink *have, const struct tree_uplink *want)
{
	if (have->n_classes == 0 || have->wrong_root)
		return true;
	for (size_t i = 0; i < want->n_classes; i++) {
		const struct htb_class *c = &want->classes[i].htb;
		const struct tree_class *was = class_of(have, c->minor);

		if (was && (was->htb.parent != c->parent || (c->leaf && !was->htb.leaf)))
			return true;
	}
	return false;
}

static void diff_uplinks(struct differ *f)
{
	const struct tree *have = f->have, *want = f->want;

	for (size_t w = 0; w < want->n_uplinks; w++) {
		const struct tree_uplink *there =
			f->to_have[w] == NODE_NONE ? NULL : &have->uplinks[f->to_have[w]];
		bool anew = !there || beyond_repair(there, &want->uplinks[w]);

		if (anew)
			put(f, there ? CHANGE_MAKE_ROOT : CHANGE_MAKE_IFB, w, 0);
		if (there && there->wrong_link)
			put(f, CHANGE_SET_LINK, w, 0);
		diff_classes(f, w, anew ? NULL : there);
		if (anew || !there->classified)
			put_fresh(f, CHANGE_CLASSIFY, w, 0, !there);
	}
	for (size_t h = 0; h < have->n_uplinks; h++) {
		const struct tree_uplink *u =
			f->to_want[h] == NODE_NONE ? NULL : &want->uplinks[f->to_want[h]];

		if (!u || !beyond_repair(&have->uplinks[h], u))
			diff_superfluous(f, h, u);
	}
}

/* --- vNICs -------------------------------------------------------------------------------------- */

/* A vNIC of have may name an uplink that is not there: its IFB is gone. Its node is NODE_NONE then. */
static bool same_place(const struct differ *f, const struct tree_vnic *want, const struct tree_vnic *have)
{
	if (want->hooks & HOOK_EGRESS && have->egress.parent != want->egress.parent)
		return false;
	return have->hooks == tree_hooks_due(want, have) && have->node != NODE_NONE && have->minor == want->minor && have->place == want->place &&
	       !have->both && f->to_have[want->uplink] == have->uplink;
}

static void diff_vnic(struct differ *f, size_t w)
{
	const struct tree_vnic *want = &f->want->vnics[w];
	const struct tree_vnic *have = tree_same_vnic(f->have, want);

	if (!have && want->not_before_ns)
		return;
	if (!have || have->minor != want->minor || have->node == NODE_NONE)
		put(f, CHANGE_MAP, want->uplink, w);
	if (!have)
		put(f, CHANGE_ATTACH, want->uplink, w);
	else if (!same_place(f, want, have))
		put(f, CHANGE_REATTACH, want->uplink, w);
}

/* Sort by kind, stably: few kinds, so one pass counts and one places. */
static int sort_changes(struct diff *d)
{
	size_t at[CHANGE_DRAIN_IFB + 2] = { 0 };
	struct change *sorted = calloc(d->n + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		at[d->list[i].kind + 1]++;
	for (size_t k = 1; k <= CHANGE_DRAIN_IFB; k++)
		at[k] += at[k - 1];
	for (size_t i = 0; i < d->n; i++)
		sorted[at[d->list[i].kind]++] = d->list[i];
	free(d->list);
	d->list = sorted;
	return 0;
}

int diff_trees(const struct tree *have, const struct tree *want, struct diff *out)
{
	struct differ f = { .have = have, .want = want };

	f.to_have = tree_match(want, have);
	f.to_want = tree_match(have, want);
	f.err = f.to_have && f.to_want ? 0 : -ENOMEM;
	if (f.err >= 0)
		diff_uplinks(&f);
	for (size_t i = 0; i < want->n_vnics && f.err >= 0; i++)
		diff_vnic(&f, i);
	for (size_t i = 0; i < have->n_vnics; i++)
		if (!tree_same_vnic(want, &have->vnics[i]))
			put(&f, CHANGE_DETACH, have->vnics[i].uplink, i);
	free(f.to_have);
	free(f.to_want);
	if (f.err >= 0)
		f.err = sort_changes(&f.d);
	if (f.err < 0)
		diff_free(&f.d);
	else
		*out = f.d;
	return f.err;
}
