/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A priority queue of small integers (VM ids) by a 128-bit key: an indexed 4-ary min-heap. With four
 * children a node the heap is half as deep as a binary one, and a node's four children lie in two cache
 * lines. Keys stand in the heap itself, so that sifting does not touch the VMs.
 */

#include <stdbool.h>
#include <stdint.h>

#define PQ_NONE UINT32_MAX

/* Sorted by hi, then lo; the order among equal keys is unspecified, but repeatable. */
struct pq_item {
	uint64_t hi;
	uint64_t lo;
	uint32_t id;
};

struct pq {
	struct pq_item *item; /* owned; n of them, item[0] is the least */
	uint32_t *pos;        /* owned; where id stands in item, or PQ_NONE; cap of them */
	uint32_t n;
	uint32_t cap;
};

/* Make room for ids below cap; what is there stays. An all-zero struct pq is an empty queue. 0; -ENOMEM. */
int pq_reserve(struct pq *q, uint32_t cap);
void pq_free(struct pq *q);
void pq_clear(struct pq *q);
/* Put an id in, or give it a new key if it is in. id < cap. O(log n). */
void pq_set(struct pq *q, uint32_t id, uint64_t hi, uint64_t lo);
/* Take an id out if it is in. O(log n). */
void pq_remove(struct pq *q, uint32_t id);
/* Take the item with the least key out. Returns its id; PQ_NONE: the queue is empty. O(log n). */
uint32_t pq_pop(struct pq *q);

static inline bool pq_contains(const struct pq *q, uint32_t id)
{
	return id < q->cap && q->pos[id] != PQ_NONE;
}

/* The item with the least key, borrowed until the next change; NULL: the queue is empty. */
static inline const struct pq_item *pq_top(const struct pq *q)
{
	return q->n ? &q->item[0] : (const struct pq_item *)0;
}
