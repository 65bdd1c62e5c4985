/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The published scheme (Lee et al., Provisioning Service Differentiation for Virtualized Network Devices,
 * section III-B), in the reading that the prose gives.
 *
 * Taken from the source: "Each VM is basically inserted into a scheduling queue, and then it is scheduled
 * in a round robin way. If the credits allocated to a VM are used up, then the VM should wait till the
 * scheduler assigns additional credits to it. Otherwise, the VM runs during the time slot, and then, it is
 * reinserted to the queue after the time slot is expired." Slots come from equation (1), one slot's credit
 * is taken from the VM that ran, and every VM outside its slot is paused.
 *
 * Adapted: a VM that is known to be idle is not in the queue (the paper's VMs are always busy). Lanes:
 * several heads of the queue run at once; a VM with so many slots left that it would not get them all in
 * the rest of the round unless it runs in every one of its slots goes first (McNaughton's rule, Management
 * Science 6(1), 1959: a round takes max(slots / lanes, slots of the largest)), or lanes would stay empty at
 * the round's end. With one lane that rule never matters. doc/paper-reading.md says where figure 3 differs.
 */

#include "policy.h"
#include "rounds_state.h"
#include "slotqueue.h"

#include <errno.h>
#include <stdlib.h>

struct paper {
	struct slotq queue;   /* has slots left in this round */
	struct slotq waiting; /* has used them up */
	struct slot_link *link;
	struct pq largest;    /* the queue's VMs by falling slots left; kept where lanes > 1 */
	uint64_t left;        /* slots left of all in the queue */
	bool lanes;
};

static int paper_init(const struct rounds_config *c, void **priv)
{
	struct paper *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	slotq_init(&p->queue);
	slotq_init(&p->waiting);
	p->lanes = c->lanes > 1;
	*priv = p;
	return 0;
}

static void paper_fini(void *priv)
{
	struct paper *p = priv;

	pq_free(&p->largest);
	free(p->link);
	free(p);
}

static int paper_reserve(void *priv, uint32_t n)
{
	struct paper *p = priv;
	struct slot_link *link = realloc(p->link, n * sizeof(*link));

	if (!link)
		return -ENOMEM;
	p->link = link;
	return pq_reserve(&p->largest, n);
}

static void paper_join(struct rounds *r, uint32_t id)
{
	struct paper *p = r->priv;
	uint32_t left = vm_slots_left(&r->vm[id]);

	if (!left) {
		slotq_push(&p->waiting, p->link, id);
		return;
	}
	slotq_push(&p->queue, p->link, id);
	p->left += left;
	if (p->lanes)
		pq_set(&p->largest, id, UINT64_MAX - left, 0);
}

static void paper_leave(struct rounds *r, uint32_t id)
{
	struct paper *p = r->priv;
	uint32_t left = vm_slots_left(&r->vm[id]);

	slotq_remove(left ? &p->queue : &p->waiting, p->link, id);
	p->left -= left;
	if (p->lanes)
		pq_remove(&p->largest, id);
}

/* Slots are new, so which queue a VM stands in says nothing now: all queue again, those that waited last. */
static void paper_round(struct rounds *r)
{
	struct paper *p = r->priv;
	struct slotq queue = p->queue, waiting = p->waiting;
	uint32_t id;

	slotq_init(&p->queue);
	slotq_init(&p->waiting);
	pq_clear(&p->largest);
	p->left = 0;
	while ((id = slotq_pop(&queue, p->link)) != SLOTQ_NONE)
		paper_join(r, id);
	while ((id = slotq_pop(&waiting, p->link)) != SLOTQ_NONE)
		paper_join(r, id);
}

static uint32_t paper_pick(struct rounds *r, uint64_t now_ns, uint32_t *run)
{
	struct paper *p = r->priv;
	uint64_t lanes = r->cfg.lanes, left = p->left;
	uint32_t n = 0;

	(void)now_ns;
	while (p->lanes && n < lanes && p->largest.n) {
		const struct pq_item *top = pq_top(&p->largest);

		if ((UINT64_MAX - top->hi) * lanes < left)
			break;
		run[n++] = top->id;
		paper_leave(r, top->id);
	}
	while (n < lanes && p->queue.head != SLOTQ_NONE) {
		run[n++] = p->queue.head;
		paper_leave(r, p->queue.head);
	}
	return n;
}

static void paper_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready)
{
	(void)used_ns;
	(void)elapsed_ns;
	if (ready)
		paper_join(r, id);
}

const struct policy_ops policy_paper = {
	.name = "paper",
	.summary = "round robin with re-insertion, as published: a VM whose credits are used up waits",
	.pauses_idle = true,
	.ends_rounds = true,
	.init = paper_init,
	.fini = paper_fini,
	.reserve = paper_reserve,
	.round = paper_round,
	.join = paper_join,
	.leave = paper_leave,
	.pick = paper_pick,
	.ran = paper_ran,
};
