// SPDX-License-Identifier: GPL-2.0-or-later
#include "demands.h"

#include "base/cleanup.h"
#include "overlay.h"

#include <errno.h>
#include <string.h>

static void uplink_free(struct demand_uplink *u)
{
	free(u->d);
	free(u->entitled);
	free(u->now);
	free(u->leaf_of);
	free(u->leaves);
	free(u->active);
	free(u->is_active);
}

void demands_free(struct demands *d)
{
	for (size_t i = 0; i < d->n; i++)
		uplink_free(&d->uplinks[i]);
	free(d->uplinks);
	*d = (struct demands){ 0 };
}

static int compare_leaf(const void *a, const void *b)
{
	return (int)((const struct demand_leaf *)a)->minor - (int)((const struct demand_leaf *)b)->minor;
}

struct demand_leaf *demands_leaf(const struct demand_uplink *u, uint16_t minor)
{
	struct demand_leaf key = { .minor = minor };

	return u->n_leaves ? bsearch(&key, u->leaves, u->n_leaves, sizeof(key), compare_leaf) : NULL;
}

/* --- active or not ------------------------------------------------------------------------------ */

static void activate(struct demand_uplink *u, size_t leaf)
{
	u->is_active[leaf] = true;
	u->active[u->n_active++] = (uint32_t)leaf;
}

bool demands_wake(struct demand_uplink *u, size_t leaf, uint64_t now_ns)
{
	if (u->is_active[leaf])
		return false;
	demand_wake(demands_of(u, leaf), now_ns);
	activate(u, leaf);
	return true;
}

void demands_sleep(struct demand_uplink *u, size_t k)
{
	u->is_active[u->active[k]] = false;
	u->active[k] = u->active[--u->n_active];
}

/* --- a plan's ----------------------------------------------------------------------------------- */

static int allocate(struct demand_uplink *u, size_t n_classes)
{
	u->d = calloc(u->n + 1, sizeof(*u->d));
	u->entitled = calloc(u->n + 1, sizeof(*u->entitled));
	u->now = calloc(u->n + 1, sizeof(*u->now));
	u->leaf_of = calloc(u->n + 1, sizeof(*u->leaf_of));
	u->leaves = calloc(n_classes + 1, sizeof(*u->leaves));
	u->active = calloc(n_classes + 1, sizeof(*u->active));
	u->is_active = calloc(n_classes + 1, sizeof(*u->is_active));
	return u->d && u->entitled && u->now && u->leaf_of && u->leaves && u->active && u->is_active ? 0 : -ENOMEM;
}

static void list_leaves(struct demand_uplink *u, const struct tree_uplink *t)
{
	for (size_t i = 0; i < t->n_classes; i++) {
		const struct tree_class *c = &t->classes[i];

		if (c->htb.leaf && c->node != NODE_NONE)
			u->leaves[u->n_leaves++] = (struct demand_leaf){ .minor = c->htb.minor,
									 .node = c->node - (uint32_t)u->first,
									 .class = (uint32_t)i };
	}
	if (u->n_leaves)
		qsort(u->leaves, u->n_leaves, sizeof(*u->leaves), compare_leaf);
	for (size_t i = 0; i < u->n; i++)
		u->leaf_of[i] = NODE_NONE;
	for (size_t i = 0; i < u->n_leaves; i++)
		u->leaf_of[u->leaves[i].node] = (uint32_t)i;
}

/* What was known of the same leaves. */
static void carry_over(struct demand_uplink *u, const struct tree_uplink *t, const struct demand_uplink *before)
{
	for (size_t i = 0; i < u->n_leaves; i++) {
		struct demand_leaf *was = before ? demands_leaf(before, u->leaves[i].minor) : NULL;
		const struct tree_class *c = &t->classes[u->leaves[i].class];
		struct demand *d = demands_of(u, i);

		if (was) {
			*d = before->d[was->node];
			if (before->is_active[was - before->leaves])
				activate(u, i);
		}
		d->guaranteed = c->htb.rate;
		d->limit = c->rest.ceil;
	}
}

static const struct demand_uplink *find(const struct demands *d, const struct tree_uplink *t)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->uplinks[i].direction == t->direction && strcmp(d->uplinks[i].name, t->name) == 0)
			return &d->uplinks[i];
	return NULL;
}

static int make_uplink(struct demand_uplink *u, struct plan *p, struct tree_uplink *t,
		       const struct demand_uplink *before, const struct sizing_host *h)
{
	int err;

	memcpy(u->name, t->name, sizeof(u->name));
	u->direction = t->direction;
	u->first = t->node;
	u->n = model_uplink_end(plan_model(p, t->direction), t->node) - t->node;
	err = allocate(u, t->n_classes);
	if (err < 0)
		return err;
	list_leaves(u, t);
	carry_over(u, t, before);
	if (!u->n_active)
		return 0;
	err = demands_divide(u, plan_model(p, t->direction));
	for (size_t k = 0; k < u->n_active && err >= 0; k++) {
		const struct demand_leaf *l = &u->leaves[u->active[k]];

		(void)overlay_set(&t->classes[l->class], h, &u->now[l->node]);
	}
	return err;
}

int demands_make(struct plan *p, const struct demands *before, const struct sizing_host *h, struct demands *out)
{
	struct demands d = { .uplinks = calloc(p->tree.n_uplinks + 1, sizeof(*d.uplinks)) };
	int err = d.uplinks ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->tree.n_uplinks && err >= 0; i++) {
		struct tree_uplink *t = &p->tree.uplinks[i];

		d.n++;
		err = make_uplink(&d.uplinks[i], p, t, find(before, t), h);
	}
	if (err < 0)
		demands_free(&d);
	else
		*out = d;
	return err;
}

int demands_divide(struct demand_uplink *u, const struct model *m)
{
	int err = follow_divide(m, u->first, u->first + u->n, u->d, u->entitled, u->now);

	if (err >= 0)
		u->due = false;
	return err;
}
