/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pq.h"

#include <errno.h>
#include <stdlib.h>

#define PQ_ARITY 4U

static bool less(const struct pq_item *a, const struct pq_item *b)
{
	return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

int pq_reserve(struct pq *q, uint32_t cap)
{
	struct pq_item *item;
	uint32_t *pos;

	if (cap <= q->cap)
		return 0;
	item = realloc(q->item, (size_t)cap * sizeof(*item));
	if (!item)
		return -ENOMEM;
	q->item = item;
	pos = realloc(q->pos, (size_t)cap * sizeof(*pos));
	if (!pos)
		return -ENOMEM;
	q->pos = pos;
	for (uint32_t i = q->cap; i < cap; i++)
		pos[i] = PQ_NONE;
	q->cap = cap;
	return 0;
}

void pq_free(struct pq *q)
{
	free(q->item);
	free(q->pos);
	*q = (struct pq){ 0 };
}

void pq_clear(struct pq *q)
{
	for (uint32_t i = 0; i < q->n; i++)
		q->pos[q->item[i].id] = PQ_NONE;
	q->n = 0;
}

static void put(struct pq *q, uint32_t at, const struct pq_item *it)
{
	q->item[at] = *it;
	q->pos[it->id] = at;
}

/* Move the hole at `at` towards the root until *it fits into it. */
static uint32_t sift_up(struct pq *q, uint32_t at, const struct pq_item *it)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / PQ_ARITY;

		if (!less(it, &q->item[parent]))
			break;
		put(q, at, &q->item[parent]);
		at = parent;
	}
	return at;
}

static uint32_t sift_down(struct pq *q, uint32_t at, const struct pq_item *it)
{
	for (;;) {
		uint64_t first = (uint64_t)at * PQ_ARITY + 1;
		uint64_t end = first + PQ_ARITY < q->n ? first + PQ_ARITY : q->n;
		uint32_t best;

		if (first >= q->n)
			return at;
		best = (uint32_t)first;
		for (uint64_t c = first + 1; c < end; c++)
			if (less(&q->item[c], &q->item[best]))
				best = (uint32_t)c;
		if (!less(&q->item[best], it))
			return at;
		put(q, at, &q->item[best]);
		at = best;
	}
}

static void place(struct pq *q, uint32_t at, const struct pq_item *it)
{
	uint32_t up = sift_up(q, at, it);

	put(q, up == at ? sift_down(q, at, it) : up, it);
}

void pq_set(struct pq *q, uint32_t id, uint64_t hi, uint64_t lo)
{
	struct pq_item it = { .hi = hi, .lo = lo, .id = id };
	uint32_t at = q->pos[id];

	if (at == PQ_NONE)
		at = q->n++;
	place(q, at, &it);
}

void pq_remove(struct pq *q, uint32_t id)
{
	struct pq_item last;
	uint32_t at;

	if (!pq_contains(q, id))
		return;
	at = q->pos[id];
	q->pos[id] = PQ_NONE;
	last = q->item[--q->n];
	if (at < q->n)
		place(q, at, &last);
}

uint32_t pq_pop(struct pq *q)
{
	uint32_t id;

	if (!q->n)
		return PQ_NONE;
	id = q->item[0].id;
	pq_remove(q, id);
	return id;
}
