/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Xen's credit scheduler (xen/common/sched/credit.c; Cherkasova, Gupta and Vahdat, Comparison of the Three
 * CPU Schedulers in Xen, SIGMETRICS PER 35(2), 2007).
 *
 * Taken from the source: a VM earns credit by weight and burns it by the CPU time that it uses. Every 30 ms
 * (three ticks of 10 ms: CSCHED_TICKS_PER_TSLICE) credits are refilled, and a VM with credit is UNDER, one
 * that owes is OVER until the next refill. UNDER goes before OVER, first in, first out within a priority;
 * OVER runs only where no UNDER wants to (work-conserving). Credit and debt are bounded by one time slice's
 * worth, so that a VM that slept gets no more than that ahead, and one that used idle time is not punished
 * for longer. A sleeping VM earns until it is at the bound.
 *
 * Adapted:
 *	- The time slice, 30 ms there, is the schedule's slot; the refill period and the bound are three
 *	  slots.
 *	- One run queue for all lanes instead of one for each CPU with stealing: lanes are not CPUs.
 *	- There a refill visits every active VCPU. Here what was ever given for each unit of weight is one
 *	  number (`given`), a VM's credit is worked out when it is needed, and a VM that owes stands in a
 *	  heap by the number at which it no longer does: O(log n), with the same outcome.
 *	- A refill gives out what the VMs have burned since the last refill, and not what the clock says.
 *	  Some slot time is lost (a switch, a VM that goes idle in its slot). If a refill gave that out as
 *	  well, all credits would rise to the bound. All VMs would then have the same credit, and shares
 *	  would no longer count. So the credits of the ready VMs and what is still to be given (`pool`) add
 *	  up to zero. What a VM at the bound cannot take goes back into the pool. A VM that goes to sleep
 *	  leaves its credit in the pool. A VM that wakes up is lent from the pool what it has by then.
 *	- There a VCPU that blocks leaves the CPU at once, and burns what it ran. Here the scheduler notices
 *	  this late or never. If the slot ends with it, the VM burns half of what the slot lasted at least. If
 *	  the slot goes on to its end, the VM burns what slotcharge.h says. What a VM uses beyond its share
 *	  while it counts as asleep, it burns when it wakes up.
 *	- There a VCPU that reaches the bound asleep stops earning and loses half; here it stops earning.
 *	- If the lanes cannot be filled in the ratio of the shares (rounds_config.h, hold), OVER does not
 *	  run, for it would break the ratio by its use of the empty lane. This is Xen's cap, which parks a
 *	  VCPU that is out of credit. Refills then go by the clock, at the rate at which the largest VM
 *	  fills one lane.
 */

#include "policy_credit.h"
#include "policy.h"
#include "rounds_state.h"
#include "slotcharge.h"
#include "slotqueue.h"

#include <errno.h>
#include <stdlib.h>

#define REFILL_SLOTS 3U
/* Sums of credits of all VMs fit 64 bits. */
#define BOUND_MAX_NS (3600 * NSEC_PER_SEC)
#define CPUS_MAX 1024U
/*
 * If a VM were charged less, it could keep others from the CPU: it would be boosted for next to nothing,
 * over and over. If it were charged 3/4, many small VMs could not afford their wake-ups
 * (doc/simulation.md).
 */
#define GIVEN_BACK(elapsed_ns) ((elapsed_ns) / 2)

struct credit {
	struct slotq queue[CREDIT_PRIORITIES];
	struct slot_link *link;
	struct pq owing;      /* OVER VMs by what is given when their credit is 0 */
	uint32_t *touched;    /* UNDER and BOOST VMs that ran since the last refill */
	uint32_t n_touched;
	fluid_t given;        /* for each unit of weight, in units of the fluid clock */
	fluid_t clock;        /* that clock at the last refill */
	int64_t pool;         /* what the next refill gives; negative: lent */
	uint64_t next_ns;     /* of the next refill */
	int64_t bound;
	uint64_t cpus;        /* of the largest VM seen: what it used / what the slot lasted */
};

int credit_init(const struct rounds_config *c, void **priv)
{
	struct credit *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (int i = 0; i < CREDIT_PRIORITIES; i++)
		slotq_init(&p->queue[i]);
	p->cpus = 1;
	p->bound = (int64_t)(REFILL_SLOTS * c->slot_ns);
	if (c->burst_ns > (uint64_t)p->bound)
		p->bound = (int64_t)(c->burst_ns < BOUND_MAX_NS ? c->burst_ns : BOUND_MAX_NS);
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

	/* The new VM may have the id of a removed one that is still in touched[]. */
	for (uint32_t i = 0; i < p->n_touched; i++)
		if (p->touched[i] == id)
			r->vm[id].p.credit.touched = true;
}

/* What a ready VM has been given since its mark. The cut is far above the bound. */
static int64_t earned(const struct credit *p, const struct vm *v)
{
	return (int64_t)fluid_ns(p->given - v->p.credit.mark, v->p.credit.weight, 4 * (uint64_t)p->bound);
}

static void refill_one(struct credit *p, struct vm *v)
{
	struct credit_vm *c = &v->p.credit;

	c->credit += earned(p, v);
	c->mark = p->given;
	if (c->credit > p->bound) {
		p->pool += c->credit - p->bound;
		c->credit = p->bound;
	}
}

static void set_owing(struct credit *p, const struct vm *v, uint32_t id)
{
	fluid_t owes = v->p.credit.credit < 0 ? (fluid_t)-v->p.credit.credit << FLUID_SHIFT : 0;
	fluid_t at = v->p.credit.mark + (owes + v->weight - 1) / v->weight;

	pq_set(&p->owing, id, (uint64_t)(at >> 64), (uint64_t)at);
}

static void enqueue(struct rounds *r, uint32_t id, uint8_t priority)
{
	struct credit *p = r->priv;

	r->vm[id].p.credit.priority = priority;
	slotq_push(&p->queue[priority], p->link, id);
	if (priority == CREDIT_OVER)
		set_owing(p, &r->vm[id], id);
}

/* A sleeping VM has earned until now. */
static void earn_asleep(const struct rounds *r, struct vm *v)
{
	const struct credit *p = r->priv;
	struct credit_vm *c = &v->p.credit;

	if (c->slept)
		c->credit += (int64_t)fluid_ns(r->fluid.level - c->mark, v->weight,
					       (uint64_t)(p->bound - c->credit));
	c->mark = r->fluid.level;
}

static void wake_up(struct rounds *r, uint32_t id)
{
	struct credit *p = r->priv;
	struct vm *v = &r->vm[id];
	struct credit_vm *c = &v->p.credit;

	earn_asleep(r, v);
	c->slept = false;
	c->mark = p->given;
	c->weight = v->weight;
	p->pool -= c->credit;
}

static void go_to_sleep(struct rounds *r, uint32_t id)
{
	struct credit *p = r->priv;
	struct credit_vm *c = &r->vm[id].p.credit;

	refill_one(p, &r->vm[id]);
	p->pool += c->credit;
	c->slept = true;
	c->mark = r->fluid.level;
}

void credit_join(struct rounds *r, uint32_t id)
{
	wake_up(r, id);
	enqueue(r, id, r->vm[id].p.credit.credit < 0 ? CREDIT_OVER : CREDIT_UNDER);
}

bool credit_join_boosted(struct rounds *r, uint32_t id)
{
	wake_up(r, id);
	if (r->vm[id].p.credit.credit < 0) {
		enqueue(r, id, CREDIT_OVER);
		return false;
	}
	enqueue(r, id, CREDIT_BOOST);
	return true;
}

static void dequeue(struct rounds *r, uint32_t id)
{
	struct credit *p = r->priv;

	slotq_remove(&p->queue[r->vm[id].p.credit.priority], p->link, id);
	pq_remove(&p->owing, id);
}

void credit_leave(struct rounds *r, uint32_t id)
{
	dequeue(r, id);
	go_to_sleep(r, id);
}

/* Weights changed: what was given until now counts by the old ones, and debts end at other times. */
void credit_reweigh(struct rounds *r)
{
	struct credit *p = r->priv;

	for (uint32_t i = 0; i < r->n_active; i++) {
		uint32_t id = r->active[i];

		refill_one(p, &r->vm[id]);
		r->vm[id].p.credit.weight = r->vm[id].weight;
		if (pq_contains(&p->owing, id))
			set_owing(p, &r->vm[id], id);
	}
}

static bool ready(const struct rounds *r, uint32_t id)
{
	return r->vm[id].state == VM_READY;
}

static bool due(const struct credit *p, const struct pq *q, uint32_t *id)
{
	const struct pq_item *top = pq_top(q);

	if (!top || (((fluid_t)top->hi << 64) | top->lo) > p->given)
		return false;
	*id = top->id;
	return true;
}

static void refill(struct rounds *r, uint64_t now_ns)
{
	struct credit *p = r->priv;
	uint32_t id;

	if (r->hold) {
		if (p->clock)
			p->given += r->fluid.level - p->clock;
		p->pool = 0;
	} else if (p->pool > 0) {
		p->given += ((fluid_t)p->pool << FLUID_SHIFT) / r->weight_active;
		p->pool = 0;
	}
	p->clock = r->fluid.level;
	p->next_ns = now_ns + REFILL_SLOTS * r->cfg.slot_ns;

	for (uint32_t i = 0; i < p->n_touched; i++) {
		id = p->touched[i];
		r->vm[id].p.credit.touched = false;
		if (!ready(r, id) || r->vm[id].p.credit.priority != CREDIT_UNDER)
			continue;
		refill_one(p, &r->vm[id]);
		if (r->vm[id].p.credit.credit < 0) {
			dequeue(r, id);
			enqueue(r, id, CREDIT_OVER);
		}
	}
	p->n_touched = 0;

	while (due(p, &p->owing, &id)) {
		dequeue(r, id);
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
			dequeue(r, p->queue[i].head);
		}
	}
	return n;
}

/* A VM with several CPUs uses several slots' CPU time in a slot. Time slices grow by this for all VMs. */
static void widen(struct credit *p, int64_t used_ns, uint64_t elapsed_ns)
{
	uint64_t cpus = elapsed_ns ? ((uint64_t)used_ns + elapsed_ns / 2) / elapsed_ns : 1;
	int64_t bound;

	if (cpus <= p->cpus || cpus > CPUS_MAX)
		return;
	bound = p->bound / (int64_t)p->cpus * (int64_t)cpus;
	p->bound = bound < (int64_t)BOUND_MAX_NS ? bound : (int64_t)BOUND_MAX_NS;
	p->cpus = cpus;
}

static void burn(const struct credit *p, struct credit_vm *c, uint64_t ns)
{
	int64_t left = c->credit - (int64_t)(ns < BOUND_MAX_NS ? ns : BOUND_MAX_NS);

	c->credit = left > -p->bound ? left : -p->bound;
}

/* The credit of a sleeping VM is not among those that add up to zero: see wake_up(). */
void credit_owe(struct rounds *r, uint32_t id, uint64_t ns)
{
	earn_asleep(r, &r->vm[id]);
	widen(r->priv, ns < BOUND_MAX_NS ? (int64_t)ns : (int64_t)BOUND_MAX_NS, r->cfg.slot_ns);
	burn(r->priv, &r->vm[id].p.credit, ns);
}

/*
 * The slot ended long before its time because its VMs had become idle, and not because another VM woke up.
 * A slot that is only a little short began late. A slot that was cut was not given back by its VM.
 */
static bool ended_by_itself(const struct rounds *r, uint64_t elapsed_ns)
{
	return elapsed_ns < r->cfg.slot_ns / 2 && !r->cut;
}

void credit_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool is_ready)
{
	struct credit *p = r->priv;
	struct credit_vm *c = &r->vm[id].p.credit;
	int64_t used = (int64_t)(used_ns < BOUND_MAX_NS ? used_ns : BOUND_MAX_NS), before;
	uint64_t cost = (uint64_t)used;

	widen(p, used, elapsed_ns);
	refill_one(p, &r->vm[id]);
	before = c->credit;
	if (is_ready || !ended_by_itself(r, elapsed_ns))
		cost = slot_charge(&c->over, r->cfg.slot_ns, cost, elapsed_ns);
	else if (cost < GIVEN_BACK(elapsed_ns))
		cost = GIVEN_BACK(elapsed_ns);
	burn(p, c, cost);
	p->pool += before - c->credit;
	/* A boost lasts until its VM is found running. */
	if (c->priority == CREDIT_BOOST)
		c->priority = CREDIT_UNDER;
	if (!is_ready) {
		go_to_sleep(r, id);
		return;
	}
	if (c->priority == CREDIT_UNDER && !c->touched) {
		c->touched = true;
		p->touched[p->n_touched++] = id;
	}
	enqueue(r, id, c->priority == CREDIT_OVER && c->credit >= 0 ? CREDIT_UNDER : c->priority);
}

int64_t credit_credit(const struct rounds *r, uint32_t id)
{
	const struct credit *p = r->priv;
	const struct vm *v = &r->vm[id];
	int64_t credit = v->p.credit.credit + (v->state == VM_AWAY ? 0 : earned(p, v));

	return credit < p->bound ? credit : p->bound;
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
	.owe = credit_owe,
	.credit = credit_credit,
};
