/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * 1. Upwards: what each node could take at most, and its floor. A device takes min(limit, demand). A network
 *    takes min(limit, sum of its children). A node's floor is its reserve, as far as it could take it. Preorder
 *    puts children behind parents, so one pass from the end does it.
 * 2. Downwards: an uplink gets min(capacity, what its children could take); every inner node divides
 *    what it got among its children. The water level L solves
 *
 *	sum over children of min(most_i, max(floor_i, L * weight_i)) = got
 *
 *    The left side grows with L in straight pieces. A child begins to grow at L = floor/weight, and ends at
 *    most/weight. The children in the order of where they begin, and in the order of where they end, are walked
 *    side by side: at each of these levels, in ascending order, the sum is known in O(1). At the first level
 *    where the sum would be got or more, the walk ends. The children that grow there divide, by weight and in
 *    whole bytes per second (slots.c), what floors and mosts of the others leave.
 *
 * Rounding takes no child that grows above its most or below its floor: its exact part lies between the two,
 * which are whole, and slots.c rounds up only what has a fraction.
 *
 * All siblings are sorted at once, by (parent, level, index), hence O(n log n) for the forest.
 */

#include "entitle.h"
#include "base/cleanup.h"
#include "slots.h"

#include <errno.h>
#include <string.h>

typedef unsigned __int128 u128;

/* Where a child begins to grow, or ends: at the level bytes/weight. */
struct bound {
	uint32_t parent, node;
	uint64_t bytes;
	uint64_t weight;
};

struct work {
	struct bound *begin, *end; /* sorted */
	uint64_t *most, *floor;    /* by node */
	struct rate *got;          /* by node */
	bool *grows;               /* by node: the level is between where it begins and where it ends */
	uint64_t *weight, *part;   /* those of one network's children that grow, or its floors */
	uint32_t *first;           /* by node: its first child's place in begin[] and in end[] */
	uint32_t *n;               /* by node: number of children */
};

static void work_free(struct work *w)
{
	free(w->begin);
	free(w->end);
	free(w->most);
	free(w->floor);
	free(w->got);
	free(w->grows);
	free(w->weight);
	free(w->part);
	free(w->first);
	free(w->n);
}

static int work_init(struct work *w, size_t n)
{
	w->begin = calloc(n, sizeof(*w->begin));
	w->end = calloc(n, sizeof(*w->end));
	w->most = calloc(n, sizeof(*w->most));
	w->floor = calloc(n, sizeof(*w->floor));
	w->got = calloc(n, sizeof(*w->got));
	w->grows = calloc(n, sizeof(*w->grows));
	w->weight = calloc(n, sizeof(*w->weight));
	w->part = calloc(n, sizeof(*w->part));
	w->first = calloc(n, sizeof(*w->first));
	w->n = calloc(n, sizeof(*w->n));
	if (!w->begin || !w->end || !w->most || !w->floor || !w->got || !w->grows || !w->weight || !w->part ||
	    !w->first || !w->n)
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

static int bound_cmp(const void *pa, const void *pb)
{
	const struct bound *a = pa, *b = pb;
	u128 l, r;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	l = (u128)a->bytes * b->weight;
	r = (u128)b->bytes * a->weight;
	if (l != r)
		return l < r ? -1 : 1;
	return a->node < b->node ? -1 : 1;
}

/* Whole uplinks of a model, one behind the other. A node's number is counted from the first of them. */
struct part_of_model {
	const struct node *nodes;
	uint32_t base; /* of the first, in the model */
	size_t n;
};

/* A node's parent, which is not NODE_NONE. */
static uint32_t parent_of(const struct part_of_model *m, size_t i)
{
	return m->nodes[i].parent - m->base;
}

/* Step 1. */
static void fill_bounds(const struct part_of_model *m, const struct rate *demand, struct work *w)
{
	for (size_t i = m->n; i-- > 0;) {
		const struct node *node = &m->nodes[i];

		/* So far floor[i] is the sum of the children's reserves: what they leave unused is not theirs. */
		if (w->floor[i] < node->reserve.bytes_ps)
			w->floor[i] = node->reserve.bytes_ps;
		if (node->kind == NODE_DEVICE)
			w->most[i] = demand[i].bytes_ps;
		w->most[i] = min64(w->most[i], node->limit.bytes_ps);
		if (node->parent == NODE_NONE)
			continue;
		w->most[parent_of(m, i)] = add_sat(w->most[parent_of(m, i)], w->most[i]);
		w->floor[parent_of(m, i)] = add_sat(w->floor[parent_of(m, i)], w->floor[i]);
	}
	for (size_t i = 0; i < m->n; i++)
		w->floor[i] = min64(w->floor[i], w->most[i]);
}

static void sort_children(const struct part_of_model *m, struct work *w)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct node *node = &m->nodes[i];

		if (node->parent == NODE_NONE)
			continue;
		/* A share of 0 does not pass validation; 1 keeps the order total. */
		w->begin[n] = (struct bound){ .parent = parent_of(m, i),
					      .node = i,
					      .bytes = w->floor[i],
					      .weight = node->share.weight ? node->share.weight : 1 };
		w->end[n] = w->begin[n];
		w->end[n++].bytes = w->most[i];
		w->n[parent_of(m, i)]++;
	}
	if (!n)
		return;
	qsort(w->begin, n, sizeof(*w->begin), bound_cmp);
	qsort(w->end, n, sizeof(*w->end), bound_cmp);
	for (size_t k = n; k-- > 0;)
		w->first[w->begin[k].parent] = (uint32_t)k;
}

static bool above(const struct bound *a, const struct bound *b)
{
	return (u128)a->bytes * b->weight > (u128)b->bytes * a->weight;
}

/* Whether the children's sum at the level b is got or more; fixed is at most got. */
static bool reaches(u128 fixed, uint64_t weights, const struct bound *b, uint64_t got)
{
	return (u128)weights * b->bytes >= (u128)(got - (uint64_t)fixed) * b->weight;
}

/* The floors alone are more than there is. */
static int cut_floors(struct work *w, const struct bound *child, size_t n, uint64_t got)
{
	int r;

	for (size_t i = 0; i < n; i++)
		w->weight[i] = w->floor[child[i].node];
	r = slots_allocate(w->weight, n, got, w->part);
	for (size_t i = 0; i < n && r >= 0; i++)
		w->got[child[i].node].bytes_ps = w->part[i];
	return r;
}

/* Step 2 for one node's children, n of each. */
static int divide(struct work *w, const struct bound *begin, const struct bound *end, size_t n, uint64_t got)
{
	size_t b = 0, e = 0, growing = 0;
	uint64_t weights = 0;
	u128 fixed = 0; /* floors and mosts of those that do not grow */
	int r;

	for (size_t i = 0; i < n; i++) {
		w->got[begin[i].node].bytes_ps = begin[i].bytes;
		fixed += begin[i].bytes;
	}
	if (fixed > got)
		return cut_floors(w, begin, n, got);
	while (e < n) {
		bool begins = b < n && !above(&begin[b], &end[e]);
		const struct bound *at = begins ? &begin[b++] : &end[e++];

		if (reaches(fixed, weights, at, got))
			break;
		w->grows[at->node] = begins;
		w->got[at->node].bytes_ps = at->bytes;
		fixed = begins ? fixed - at->bytes : fixed + at->bytes;
		weights = begins ? weights + at->weight : weights - at->weight;
	}
	for (size_t i = 0; i < n; i++)
		if (w->grows[begin[i].node])
			w->weight[growing++] = begin[i].weight;
	r = growing ? slots_allocate(w->weight, growing, got - (uint64_t)fixed, w->part) : 0;
	growing = 0;
	for (size_t i = 0; i < n && r >= 0; i++)
		if (w->grows[begin[i].node])
			w->got[begin[i].node].bytes_ps = w->part[growing++];
	return r;
}

int entitle_uplinks(const struct model *m, size_t first, size_t end, const struct rate *demand, struct rate *out)
{
	const struct part_of_model part = { .nodes = m->nodes + first, .base = (uint32_t)first, .n = end - first };
	_cleanup_(work_free) struct work w = { 0 };
	int r;

	if (!part.n)
		return 0;
	r = work_init(&w, part.n);
	if (r < 0)
		return r;

	fill_bounds(&part, demand, &w);
	sort_children(&part, &w);
	for (uint32_t i = 0; i < part.n; i++) {
		if (part.nodes[i].parent == NODE_NONE)
			w.got[i].bytes_ps = w.most[i];
		if (!w.n[i])
			continue;
		r = divide(&w, w.begin + w.first[i], w.end + w.first[i], w.n[i], w.got[i].bytes_ps);
		if (r < 0)
			return r;
	}
	memcpy(out, w.got, part.n * sizeof(*out));
	return 0;
}

int entitle(const struct model *m, const struct rate *demand, struct rate *out)
{
	return entitle_uplinks(m, 0, m->n_nodes, demand, out);
}
