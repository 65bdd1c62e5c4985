/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * 1. Upwards: what each node could take at most. A device: min(limit, demand). A network:
 *    min(limit, sum of its children). Preorder puts children behind parents, so one pass from the
 *    end does it.
 * 2. Downwards: an uplink gets min(capacity, what its children could take); every inner node divides
 *    what it got among its children. The water level L solves
 *
 *	sum over children of min(most_i, L * weight_i) = got
 *
 *    Children in order of most/weight fill up first: while child i could not take its proportional
 *    part of what remains, it gets all that it can take, and what it leaves raises the level for the
 *    rest. The first child that does not fill up ends this: those behind it do not either, and they
 *    divide the rest by weight, in whole bytes per second (slots.c).
 *
 * No child exceeds its most by the rounding: a child that does not fill up has an exact part below its
 * most, which is whole, so the part rounded up is not above it; and slots.c rounds up only what has
 * a fraction.
 *
 * All siblings are sorted at once, by (parent, most/weight, index), hence O(n log n) for the forest.
 */

#include "entitle.h"
#include "base/cleanup.h"
#include "slots.h"

#include <errno.h>
#include <string.h>

typedef unsigned __int128 u128;

struct child {
	uint32_t parent, node;
	uint64_t most;
	uint64_t weight;
};

struct work {
	struct child *child; /* sorted */
	uint64_t *most;      /* by node */
	struct rate *got;    /* by node */
	uint64_t *weight, *part; /* those of one network's children that do not fill up */
	uint32_t *first;         /* by node: its first child's place in child[] */
	uint32_t *n;             /* by node: number of children */
};

static void work_free(struct work *w)
{
	free(w->child);
	free(w->most);
	free(w->got);
	free(w->weight);
	free(w->part);
	free(w->first);
	free(w->n);
}

static int work_init(struct work *w, size_t n)
{
	w->child = calloc(n, sizeof(*w->child));
	w->most = calloc(n, sizeof(*w->most));
	w->got = calloc(n, sizeof(*w->got));
	w->weight = calloc(n, sizeof(*w->weight));
	w->part = calloc(n, sizeof(*w->part));
	w->first = calloc(n, sizeof(*w->first));
	w->n = calloc(n, sizeof(*w->n));
	if (!w->child || !w->most || !w->got || !w->weight || !w->part || !w->first || !w->n)
		return -ENOMEM;
	return 0;
}

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int child_cmp(const void *pa, const void *pb)
{
	const struct child *a = pa, *b = pb;
	u128 l, r;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	l = (u128)a->most * b->weight;
	r = (u128)b->most * a->weight;
	if (l != r)
		return l < r ? -1 : 1;
	return a->node < b->node ? -1 : 1;
}

/* Step 1. */
static void fill_most(const struct model *m, const struct rate *demand, uint64_t *most)
{
	for (size_t i = m->n_nodes; i-- > 0;) {
		const struct node *node = &m->nodes[i];

		if (node->kind == NODE_DEVICE)
			most[i] = demand[i].bytes_ps;
		most[i] = min64(most[i], node->limit.bytes_ps);
		if (node->parent != NODE_NONE)
			most[node->parent] = add_sat(most[node->parent], most[i]);
	}
}

static void sort_children(const struct model *m, struct work *w)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct node *node = &m->nodes[i];

		if (node->parent == NODE_NONE)
			continue;
		/* A share of 0 does not pass validation; 1 keeps the order total. */
		w->child[n++] = (struct child){ .parent = node->parent,
						.node = i,
						.most = w->most[i],
						.weight = node->share.weight ? node->share.weight : 1 };
		w->n[node->parent]++;
	}
	if (n)
		qsort(w->child, n, sizeof(*w->child), child_cmp);
	for (size_t k = n; k-- > 0;)
		w->first[w->child[k].parent] = (uint32_t)k;
}

/* Step 2 for one node's children c[0..n-1]. */
static int divide(struct work *w, const struct child *c, size_t n, uint64_t left)
{
	uint64_t weights = 0;
	size_t k = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		weights += c[i].weight;

	for (; k < n && (u128)c[k].most * weights <= (u128)left * c[k].weight; k++) {
		w->got[c[k].node].bytes_ps = c[k].most;
		left -= c[k].most;
		weights -= c[k].weight;
	}

	for (size_t i = k; i < n; i++)
		w->weight[i - k] = c[i].weight;
	r = slots_allocate(w->weight, n - k, left, w->part);
	if (r < 0)
		return r;
	for (size_t i = k; i < n; i++)
		w->got[c[i].node].bytes_ps = w->part[i - k];
	return 0;
}

int entitle(const struct model *m, const struct rate *demand, struct rate *out)
{
	_cleanup_(work_free) struct work w = { 0 };
	int r;

	if (!m->n_nodes)
		return 0;
	r = work_init(&w, m->n_nodes);
	if (r < 0)
		return r;

	fill_most(m, demand, w.most);
	sort_children(m, &w);
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].parent == NODE_NONE)
			w.got[i].bytes_ps = w.most[i];
		if (!w.n[i])
			continue;
		r = divide(&w, w.child + w.first[i], w.n[i], w.got[i].bytes_ps);
		if (r < 0)
			return r;
	}
	memcpy(out, w.got, m->n_nodes * sizeof(*out));
	return 0;
}
