/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Xen's credit scheduler (xen/common/sched/credit.c; Cherkasova, Gupta and Vahdat, Comparison of the Three CPU
 * Schedulers in Xen, SIGMETRICS PER 35(2), 2007, section 2.3).
 *
 * Taken from the source: a VM earns credit by weight and burns it by the CPU time that it uses. Every 30 ms
 * (three ticks of 10 ms: CSCHED_TICKS_PER_TSLICE) credits are refilled, and a VM with credit is UNDER, one that
 * owes is OVER until the next refill. UNDER goes before OVER, first in, first out within a priority; OVER
 * runs only where no UNDER wants to (work-conserving). Credit and debt are bounded by one time slice's worth, so
 * that a VM that slept gets no more than that ahead, and one that used idle time is not punished for longer.
 * A sleeping VM earns until it is at the bound.
 *
 * Adapted:
 *	- The time slice, 30 ms there, is the schedule's slot; the refill period and the bound are three slots.
 *	- One run queue for all lanes instead of one for each CPU with stealing: lanes are not CPUs.
 *	- There a refill visits every active VCPU. Here earning is a reading of the fluid clock, a VM's credit is
 *	  worked out when it is needed, and a VM that owes stands in a heap by the reading at which it no
 *	  longer does: O(log n), with the same outcome.
 *	- There a VCPU at the bound stops earning and loses half; here it stops earning.
 *	- Where lanes cannot be filled in the ratio of shares (rounds.h, hold), OVER does not run: its use of the empty
 *	  lane would be what breaks the ratio. This is Xen's cap, which parks a VCPU that is out of credit.
 */

#include "core/policy_credit.h"

#include <errno.h>
#include <stdlib.h>

#define REFILL_SLOTS 3U

struct credit {
	struct slotq queue[CREDIT_PRIORITIES];
	struct slot_link *link;
	struct pq owing;      /* OVER VMs by the fluid reading at which their credit is 0 */
	uint32_t *touched;    /* UNDER and BOOST VMs that ran since the last refill */
	uint32_t n_touched;
	fluid_t refilled;     /* the fluid clock at the last refill */
	uint64_t next_ns;     /* of the next refill */
	int64_t bound;
};

int credit_init(const struct rounds_config *c, void **priv)
{
	struct credit *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (int i = 0; i < CREDIT_PRIORITIES; i++)
		slotq_init(&p->queue[i]);
	p->bound = (int64_t)(REFILL_SLOTS * c->slot_ns);
	if (c->burst_ns > (uint64_t)p->bound)
		p->bound = (int64_t)c->burst_ns;
	*priv = p;
	return 0;
}

void credit_fini(void *priv)
{
	struct credit *p = priv;

	pq_free(&p->owing);
	free(p->touched);
	free(p->link);
	free(p);
}

int credit_reserve(void *priv, uint32_t n)
{
	struct credit *p = priv;
	struct slot_link *link;
	uint32_t *touched;

	link = realloc(p->link, n * sizeof(*link));
	if (!link)
		return -ENOMEM;
	p->link = link;
	touched = realloc(p->touched, n * sizeof(*touched));
	if (!touched)
		return -ENOMEM;
	p->touched = touched;
	return pq_reserve(&p->owing, n);
}

void credit_added(struct rounds *r, uint32_t id)
{
	const struct credit *p = r->priv;

	/* It may have taken the id of a VM that is still in touched[]. */
	r->vm[id].p.credit.mark = p->refilled;
	for (uint32_t i = 0; i < p->n_touched; i++)
		if (p->touched[i] == id)
			r->vm[id].p.credit.touched = true;
}

static int64_t earned(const struct credit *p, const struct vm *v)
{
	const struct credit_vm *c = &v->p.credit;
	int64_t room = p->bound - c->credit;

	if (room <= 0 || p->refilled <= c->mark)
		return 0;
	return (int64_t)fluid_ns(p->refilled - c->mark, v->weight, (uint64_t)room);
}

static void refill_one(const struct credit *p, struct vm *v)
{
	v->p.credit.credit += earned(p, v);
	v->p.credit.mark = p->refilled;
}

static void enqueue(struct rounds *r, uint32_t id, uint8_t priority)
{
	struct credit *p = r->priv;
	struct vm *v = &r->vm[id];

	v->p.credit.priority = priority;
	slotq_push(&p->queue[priority], p->link, id);
	if (priority == CREDIT_OVER) {
		fluid_t owes = (fluid_t)-v->p.credit.credit << FLUID_SHIFT;
		fluid_t at = v->p.credit.mark + (owes + v->weight - 1) / v->weight;

		pq_set(&p->owing, id, (uint64_t)(at >> 64), (uint64_t)at);
	}
}

void credit_join(struct rounds *r, uint32_t id)
{
	refill_one(r->priv, &r->vm[id]);
	enqueue(r, id, r->vm[id].p.credit.credit < 0 ? CREDIT_OVER : CREDIT_UNDER);
}

bool credit_join_boosted(struct rounds *r, uint32_t id)
{
	refill_one(r->priv, &r->vm[id]);
	if (r->vm[id].p.credit.credit < 0) {
		enqueue(r, id, CREDIT_OVER);
		return false;
	}
	enqueue(r, id, CREDIT_BOOST);
	return true;
}

void credit_leave(struct rounds *r, uint32_t id)
{
	struct credit *p = r->priv;

	slotq_remove(&p->queue[r->vm[id].p.credit.priority], p->link, id);
	pq_remove(&p->owing, id);
}

/* Weights changed: debts end at other times. What was earned since a VM was last looked at counts by the new one. */
void credit_reweigh(struct rounds *r)
{
	struct credit *p = r->priv;

	for (uint32_t i = 0; i < r->n_ids; i++) {
		if (r->vm[i].state == VM_FREE)
			continue;
		refill_one(p, &r->vm[i]);
		if (pq_contains(&p->owing, i)) {
			credit_leave(r, i);
			credit_join(r, i);
		}
	}
}

static bool ready(const struct rounds *r, uint32_t id)
{
	return r->vm[id].state == VM_READY;
}

static void refill(struct rounds *r, uint64_t now_ns)
{
	struct credit *p = r->priv;
	const struct pq_item *top;

	p->refilled = r->fluid;
	p->next_ns = now_ns + REFILL_SLOTS * r->cfg.slot_ns;

	for (uint32_t i = 0; i < p->n_touched; i++) {
		uint32_t id = p->touched[i];

		r->vm[id].p.credit.touched = false;
		if (!ready(r, id) || r->vm[id].p.credit.priority != CREDIT_UNDER)
			continue;
		refill_one(p, &r->vm[id]);
		if (r->vm[id].p.credit.credit < 0) {
			credit_leave(r, id);
			enqueue(r, id, CREDIT_OVER);
		}
	}
	p->n_touched = 0;

	while ((top = pq_top(&p->owing)) && (((fluid_t)top->hi << 64) | top->lo) <= p->refilled) {
		uint32_t id = top->id;

		credit_leave(r, id);
		refill_one(p, &r->vm[id]);
		enqueue(r, id, CREDIT_UNDER);
	}
}

uint32_t credit_pick(struct rounds *r, uint64_t now_ns, uint32_t *run)
{
	struct credit *p = r->priv;
	int last = r->hold ? CREDIT_UNDER : CREDIT_OVER;
	uint32_t n = 0;

	if (now_ns >= p->next_ns)
		refill(r, now_ns);
	for (int i = CREDIT_BOOST; i <= last; i++) {
		while (n < r->cfg.lanes && p->queue[i].head != SLOTQ_NONE) {
			run[n++] = p->queue[i].head;
			credit_leave(r, p->queue[i].head);
		}
	}
	return n;
}

void credit_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool is_ready)
{
	struct credit *p = r->priv;
	struct credit_vm *c = &r->vm[id].p.credit;
	int64_t used = used_ns < (uint64_t)p->bound ? (int64_t)used_ns : p->bound;

	(void)elapsed_ns;
	refill_one(p, &r->vm[id]);
	c->credit -= used;
	if (c->credit < -p->bound)
		c->credit = -p->bound;
	/* A boost lasts until its VM is found running. */
	if (c->priority == CREDIT_BOOST)
		c->priority = CREDIT_UNDER;
	if (!is_ready)
		return;
	if (c->priority == CREDIT_UNDER && !c->touched) {
		c->touched = true;
		p->touched[p->n_touched++] = id;
	}
	enqueue(r, id, c->priority == CREDIT_OVER && c->credit >= 0 ? CREDIT_UNDER : c->priority);
}

int64_t credit_credit(const struct rounds *r, uint32_t id)
{
	return r->vm[id].p.credit.credit + earned(r->priv, &r->vm[id]);
}

const struct policy_ops policy_credit = {
	.name = "credit",
	.summary = "Xen's credit scheduler: UNDER before OVER, refilled every three slots",
	.init = credit_init,
	.fini = credit_fini,
	.reserve = credit_reserve,
	.added = credit_added,
	.reweigh = credit_reweigh,
	.join = credit_join,
	.leave = credit_leave,
	.pick = credit_pick,
	.ran = credit_ran,
	.credit = credit_credit,
};
