// SPDX-License-Identifier: GPL-2.0-or-later
#include "classes.h"

#include "base/cleanup.h"
#include "commit.h"
#include "kernel/net/link.h"
#include "kernel/net/qdisc.h"
#include "ifb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IFB_NAMES 10000 /* divvy0, divvy1, ... */

/* --- IFBs --------------------------------------------------------------------------------------- */

static int next_ifb_name(struct dataplane *p, char name[IFNAMSIZ])
{
	struct link l;

	for (unsigned int i = 0; i < IFB_NAMES; i++) {
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
	return op_of(f->tag) == OP_UNROOT || f->error == -EEXIST;
}

/* HTB at the root of an IFB without classes. It may be there: a divvyd was killed before it made them. */
static int make_root(struct dataplane *p, uint32_t ifb, char *errtext, size_t size)
{
	int err = qdisc_add_htb(p->rtnl, ifb, HTB_MAJOR, CLASSID_DEFAULT, IFB_TXQLEN,
				op_tag(OP_ROOT, 0));

	return err < 0 ? err : commit(p->rtnl, is_there, NULL, errtext, size);
}

/* What is there, and cannot be mended, goes with what waits in it. */
static int remake_root(struct dataplane *p, struct tree_uplink *u, char *errtext, size_t size)
{
	int err = 0;

	if (u->wrong_root || u->n_classes)
		err = qdisc_del_root(p->rtnl, u->ifb, op_tag(OP_UNROOT, 0));
	if (err >= 0)
		err = make_root(p, u->ifb, errtext, size);
	if (err < 0)
		return err;
	u->n_classes = 0;
	u->wrong_root = u->classified = false;
	return 0;
}

static int set_links(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		     size_t size)
{
	size_t first = diff_first(d, CHANGE_SET_LINK), end = diff_first(d, CHANGE_ADD_CLASS);
	char alias[LINK_ALIAS_SIZE];
	int err = 0;

	for (size_t i = first; i < end && err >= 0; i++) {
		const struct tree_uplink *w = &want->uplinks[d->list[i].uplink];

		err = link_set_ifb(p->rtnl, tree_uplink(&p->have, w->name, w->direction)->ifb,
				   ifb_alias(w->name, w->direction, alias), IFB_TXQLEN, op_tag(OP_LINK, 0));
	}
	if (err >= 0)
		err = commit(p->rtnl, NULL, NULL, errtext, size);
	for (size_t i = first; i < end && err >= 0; i++) {
		const struct tree_uplink *w = &want->uplinks[d->list[i].uplink];

		tree_uplink(&p->have, w->name, w->direction)->wrong_link = false;
	}
	return err;
}

/* The IFB is known again by its alias. */
static int make_ifb(struct dataplane *p, const struct tree_uplink *want, char *errtext, size_t size)
{
	char name[IFNAMSIZ], alias[LINK_ALIAS_SIZE];
	struct tree_uplink *bigger, *u;
	struct link l;
	int err = next_ifb_name(p, name);

	if (err < 0)
		return err;
	ifb_alias(want->name, want->direction, alias);
	err = link_add_ifb(p->rtnl, name, alias, IFB_TXQLEN, op_tag(OP_IFB, 0));
	if (err >= 0)
		err = commit(p->rtnl, NULL, NULL, errtext, size);
	if (err >= 0)
		err = link_get(p->rtnl, name, &l);
	if (err >= 0)
		err = make_root(p, l.ifindex, errtext, size);
	if (err < 0)
		return err;
	bigger = reallocarray(p->have.uplinks, p->have.n_uplinks + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	p->have.uplinks = bigger;
	u = &bigger[p->have.n_uplinks++];
	*u = (struct tree_uplink){ .direction = want->direction, .ifb = l.ifindex, .node = want->node };
	memcpy(u->name, want->name, sizeof(u->name));
	return 0;
}

int classes_make_ifbs(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		      size_t size)
{
	int err = 0;

	/* Roots first: as long as no IFB was added, the uplinks in have are sorted, and found by name. */
	for (size_t i = diff_first(d, CHANGE_MAKE_ROOT);
	     i < d->n && d->list[i].kind == CHANGE_MAKE_ROOT && err >= 0; i++) {
		const struct tree_uplink *w = &want->uplinks[d->list[i].uplink];

		err = remake_root(p, tree_uplink(&p->have, w->name, w->direction), errtext, size);
	}
	if (err >= 0)
		err = set_links(p, want, d, errtext, size);
	for (size_t i = 0; i < d->n && d->list[i].kind == CHANGE_MAKE_IFB && err >= 0; i++)
		err = make_ifb(p, &want->uplinks[d->list[i].uplink], errtext, size);
	return err < 0 ? err : tree_sort(&p->have);
}

/* --- classes ------------------------------------------------------------------------------------ */

static int request(struct dataplane *p, const struct change *c, uint32_t ifb, const struct tree_class *class)
{
	uint16_t minor = class->htb.minor;

	switch (c->kind) {
	case CHANGE_ADD_CLASS:
		return htb_class_add(p->rtnl, ifb, &class->htb, op_tag(OP_CLASS, minor));
	case CHANGE_SET_CLASS:
		return htb_class_change(p->rtnl, ifb, &class->htb, op_tag(OP_CLASS, minor));
	case CHANGE_SET_QUEUE:
		return qdisc_set_leaf(p->rtnl, ifb, TREE_CLASSID(minor), &class->leaf,
				      op_tag(OP_QUEUE, minor));
	default:
		return 0;
	}
}

static int compare_class(const void *a, const void *b)
{
	return (int)((const struct tree_class *)a)->htb.minor - (int)((const struct tree_class *)b)->htb.minor;
}

/* What is wanted is there; what is there and not wanted drains. want: NULL for an uplink that goes. */
static int merge_classes(struct tree_uplink *have, const struct tree_uplink *want)
{
	_cleanup_free_ struct minor_set *wanted = calloc(1, sizeof(*wanted));
	size_t n_want = want ? want->n_classes : 0, n = 0;
	struct tree_class *merged = calloc(have->n_classes + n_want + 1, sizeof(*merged));

	if (!wanted || !merged) {
		free(merged);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_want; i++) {
		minor_set_add(wanted, want->classes[i].htb.minor);
		merged[n++] = want->classes[i];
	}
	for (size_t i = 0; i < have->n_classes; i++) {
		if (minor_set_has(wanted, have->classes[i].htb.minor))
			continue;
		merged[n] = have->classes[i];
		merged[n].node = NODE_NONE;
		merged[n].drains = !merged[n].theirs;
		n++;
	}
	if (n)
		qsort(merged, n, sizeof(*merged), compare_class);
	free(have->classes);
	have->classes = merged;
	have->n_classes = n;
	have->node = want ? want->node : NODE_NONE;
	have->drains = !want;
	return 0;
}

/* The kernel wants parents before children, and a class before its queue: the diff's order. */
int classes_apply(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		  size_t size)
{
	_cleanup_free_ uint32_t *have = tree_match(want, &p->have), *to_want = tree_match(&p->have, want);
	int err = have && to_want ? 0 : -ENOMEM;

	for (size_t i = 0; i < d->n && d->list[i].kind <= CHANGE_SET_QUEUE && err >= 0; i++) {
		const struct change *c = &d->list[i];

		if (c->kind >= CHANGE_ADD_CLASS)
			err = request(p, c, p->have.uplinks[have[c->uplink]].ifb,
				      &want->uplinks[c->uplink].classes[c->item]);
	}
	if (err >= 0)
		err = commit(p->rtnl, NULL, NULL, errtext, size);
	for (size_t i = 0; i < p->have.n_uplinks && err >= 0; i++)
		err = merge_classes(&p->have.uplinks[i],
				    to_want[i] == NODE_NONE ? NULL : &want->uplinks[to_want[i]]);
	rtnl_discard(p->rtnl);
	return err;
}
