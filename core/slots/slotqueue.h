/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The scheduling queue of the paper's section III-B: VMs in first-in, first-out order. The queue links ids
 * in both directions, in an array that its user owns, so that a VM that blocks or goes away leaves the
 * middle of the queue in O(1). Several queues can share an array of links. A VM stands in at most one of
 * them.
 */

#include <stdint.h>

#define SLOTQ_NONE UINT32_MAX

struct slot_link {
	uint32_t next;
	uint32_t prev;
};

struct slotq {
	uint32_t head; /* SLOTQ_NONE: empty */
	uint32_t tail;
	uint32_t n;
};

static inline void slotq_init(struct slotq *q)
{
	*q = (struct slotq){ SLOTQ_NONE, SLOTQ_NONE, 0 };
}

/* Put an id that stands in no queue behind the tail. */
static inline void slotq_push(struct slotq *q, struct slot_link *l, uint32_t id)
{
	l[id] = (struct slot_link){ .next = SLOTQ_NONE, .prev = q->tail };
	if (q->tail != SLOTQ_NONE)
		l[q->tail].next = id;
	else
		q->head = id;
	q->tail = id;
	q->n++;
}

/* Take an id out of the queue that it stands in. */
static inline void slotq_remove(struct slotq *q, struct slot_link *l, uint32_t id)
{
	if (l[id].prev != SLOTQ_NONE)
		l[l[id].prev].next = l[id].next;
	else
		q->head = l[id].next;
	if (l[id].next != SLOTQ_NONE)
		l[l[id].next].prev = l[id].prev;
	else
		q->tail = l[id].prev;
	q->n--;
}

/* Take the head out. Returns its id; SLOTQ_NONE: the queue is empty. */
static inline uint32_t slotq_pop(struct slotq *q, struct slot_link *l)
{
	uint32_t id = q->head;

	if (id != SLOTQ_NONE)
		slotq_remove(q, l, id);
	return id;
}
