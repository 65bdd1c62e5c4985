/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * The slots of `paper`, spread as evenly as whole slots can be. An ideal processor would serve all VMs at
 * once, VM i at rate_i <= 1 slots per slot time; this policy keeps
 *
 *	-1 < slots run - slots of the ideal processor < 1	at every slot boundary, for every VM.
 *
 * Taken from: proportionate fairness (Baruah, Cohen, Plaxton and Varvel, Algorithmica 15, 1996), of which
 * Tijdeman's chairman assignment (Discrete Mathematics 32, 1980) is the case of one lane. The ideal
 * processor works on a VM's j-th slot from (j - 1) / rate to j / rate. The slot must be run inside the
 * window
 *
 *	release = floor((j - 1) / rate),  deadline = ceil(j / rate)
 *
 * and that all windows are kept is the same as the bound above. Running the earliest deadline first among
 * released slots keeps them on one lane. On several, equal deadlines must be broken by PD2's rules
 * (Anderson and Srinivasan, Mixed Pfair/ERfair Scheduling of Asynchronous Periodic Tasks, JCSS 68, 2004):
 * first a slot whose window overlaps the VM's next one, and of these the one with the later group deadline,
 * which is where a chain of windows of two slots, each forcing the next, would end.
 *
 * Numbers. rate_i = weight_i * num / den with num / den = lanes / sum of weights, or 1 / largest weight where
 * that would give more than a lane (hold). The ideal times are kept as whole slots and a remainder over
 * weight_i * num, stepped by den: exact, and nothing grows with time.
 * For the group deadline: at its deadline d a VM has e / den more than j slots of the ideal processor, e =
 * (-remainder) mod (weight_i * num). What it does not get, 1 - rate a slot, next reaches a whole number
 * after e / (den - weight_i * num) slots: ceil of this is how far behind d the group deadline lies.
 *
 * Measured CPU time. A slot's length is not what its VM uses: a VM whose threads run side by side uses more,
 * and others on its CPU take part of a slot away. So a slot is charged what was used of it (unless the
 * schedule is strict): the VM's next slot starts as much later, or earlier, on the ideal processor. If all
 * VMs use more, no VM is released after a while, and virtual time jumps as for idle VMs. If they use less, a
 * VM that ran would miss its next deadline, and virtual time stands still for that slot instead. If they use
 * their slots up exactly, none of this happens. A VM cannot gain by using less of its slots than it could: it
 * is never charged less than it used, but for what it was charged too much before (a slot at most). No slot
 * counts for less than three quarters of its length, so that the VM cannot hold up the others by much either.
 * What it uses beyond its share while it counts as idle is charged when it wakes up.
 *
 * Adapted: idle VMs. The proof is for VMs that are always busy. Here `now` counts slots of virtual time. If
 * fewer VMs are released than there are lanes, because some are idle, `now` jumps to the next release (the
 * virtual time of WF2Q+; Bennett and Zhang, IEEE/ACM ToN 5(5), 1997). The ideal processor of all others moves
 * with it, so that the idle VMs' time goes to them by share. If the ratio must be held, `now` does not jump
 * farther than every VM that runs can follow. A VM that wakes up starts its next window now (an
 * intra-sporadic task), or `burst` earlier if the schedule has one.
 */

#include "policy.h"
#include "rounds_state.h"
#include "slotcharge.h"

#include <errno.h>
#include <stdlib.h>

#define TIE_NO_OVERLAP UINT64_MAX

/* A VM with many CPUs may use more than a slot's CPU time in a slot. It sits out so many slots at most. */
#define CHARGE_MOST_SLOTS 64U

struct smooth {
	struct pq released; /* by deadline and tie */
	struct pq later;    /* by release */
	uint64_t now;       /* slots of virtual time */
	uint64_t num, den;  /* of rates */
	uint64_t burst;     /* slots */
};

static int smooth_init(const struct rounds_config *c, void **priv)
{
	struct smooth *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->burst = c->burst_ns / c->slot_ns;
	/* Room behind zero for what was due before, and for a burst. */
	p->now = 1ULL << 62;
	*priv = p;
	return 0;
}

static void smooth_fini(void *priv)
{
	struct smooth *p = priv;

	pq_free(&p->released);
	pq_free(&p->later);
	free(p);
}

static int smooth_reserve(void *priv, uint32_t n)
{
	struct smooth *p = priv;
	int ret = pq_reserve(&p->released, n);

	return ret ? ret : pq_reserve(&p->later, n);
}

static void smooth_added(struct rounds *r, uint32_t id)
{
	const struct smooth *p = r->priv;

	r->vm[id].p.smooth.start = p->now;
}

typedef __int128 position_t;

/*
 * How far the VM is ahead of the ideal processor, in units of 1 / den slots: it is where its next slot
 * starts, times its rate. Negative: behind.
 */
static position_t ahead_of(const struct smooth *p, const struct smooth_vm *s)
{
	return (position_t)(int64_t)(s->start - p->now) * (position_t)s->rate + (position_t)s->start_rem;
}

/* Where it fits 64 bits, a division is one instruction instead of a call. b < 2^63. */
static position_t quotient(position_t a, uint64_t b)
{
	return a == (int64_t)a ? (int64_t)a / (int64_t)b : a / (position_t)b;
}

static void set_position(const struct smooth *p, struct smooth_vm *s, position_t ahead)
{
	position_t whole = quotient(ahead, s->rate), rem = ahead - whole * (position_t)s->rate;

	if (rem < 0) {
		rem += (position_t)s->rate;
		whole--;
	}
	s->start = p->now + (uint64_t)(int64_t)whole;
	s->start_rem = (uint64_t)rem;
}

/* When the ideal processor ends the slot that it starts at *start. */
static void step(const struct smooth_vm *s, uint64_t *start, uint64_t *rem)
{
	*start += s->step;
	*rem += s->step_rem;
	if (*rem >= s->rate) {
		*rem -= s->rate;
		(*start)++;
	}
}

static uint64_t deadline(const struct smooth *p, const struct smooth_vm *s, uint64_t *tie)
{
	uint64_t end = s->start, rem = s->start_rem, ahead;

	step(s, &end, &rem);
	if (!rem) {
		*tie = TIE_NO_OVERLAP;
		return end;
	}
	/* A light VM's windows never force each other; a rate of 1 forces for ever. */
	if (s->rate >= p->den)
		ahead = TIE_NO_OVERLAP - 1;
	else if (s->rate < p->den - s->rate)
		ahead = 0;
	else
		ahead = (s->rate - rem + p->den - s->rate - 1) / (p->den - s->rate);
	*tie = TIE_NO_OVERLAP - 1 - ahead;
	return end + 1;
}

static void enqueue(struct rounds *r, uint32_t id)
{
	struct smooth *p = r->priv;
	const struct smooth_vm *s = &r->vm[id].p.smooth;
	uint64_t tie, due;

	if (s->start > p->now) {
		pq_set(&p->later, id, s->start, 0);
		return;
	}
	due = deadline(p, s, &tie);
	pq_set(&p->released, id, due, tie);
}

/* A VM that comes late starts here: now, or earlier by the time in which it earns the burst. */
static uint64_t earliest(const struct smooth *p, const struct smooth_vm *s)
{
	unsigned __int128 back = (unsigned __int128)p->burst * p->den / s->rate;

	return p->now - (back < p->now / 2 ? (uint64_t)back : p->now / 2);
}

static void not_before(const struct smooth *p, struct smooth_vm *s)
{
	uint64_t from = earliest(p, s);

	if (s->start >= from)
		return;
	s->start = from;
	s->start_rem = 0;
}

static void smooth_join(struct rounds *r, uint32_t id)
{
	not_before(r->priv, &r->vm[id].p.smooth);
	enqueue(r, id);
}

static void smooth_leave(struct rounds *r, uint32_t id)
{
	struct smooth *p = r->priv;

	pq_remove(&p->released, id);
	pq_remove(&p->later, id);
}

static void release(struct rounds *r)
{
	struct smooth *p = r->priv;

	while (p->later.n && pq_top(&p->later)->hi <= p->now)
		enqueue(r, pq_pop(&p->later));
}

/* Whether virtual time waits for the VMs that run. A strict schedule's slots come when they come. */
static bool waits(const struct rounds *r)
{
	return !r->cfg.spread && !r->cfg.strict;
}

/* May virtual time jump to `to` without one of run[] missing its next deadline? */
static bool can_follow(const struct rounds *r, const uint32_t *run, uint32_t n, uint64_t to)
{
	uint64_t tie;

	for (uint32_t i = 0; i < n; i++)
		if (deadline(r->priv, &r->vm[run[i]].p.smooth, &tie) < to + 2)
			return false;
	return true;
}

static uint32_t take(struct rounds *r, uint32_t n, uint32_t *run)
{
	struct smooth *p = r->priv;

	while (n < r->cfg.lanes && p->released.n) {
		uint32_t id = pq_pop(&p->released);
		struct smooth_vm *s = &r->vm[id].p.smooth;

		step(s, &s->start, &s->start_rem);
		run[n++] = id;
	}
	return n;
}

static uint32_t smooth_pick(struct rounds *r, uint64_t now_ns, uint32_t *run)
{
	struct smooth *p = r->priv;
	uint32_t n;

	(void)now_ns;
	release(r);
	n = take(r, 0, run);
	while (n < r->cfg.lanes && p->later.n && !r->cfg.strict) {
		uint64_t to = pq_top(&p->later)->hi;

		if (waits(r) && !can_follow(r, run, n, to))
			break;
		p->now = to;
		release(r);
		n = take(r, n, run);
	}
	/* A VM that used less than its slots is behind: virtual time waits for it. */
	if (!waits(r) || can_follow(r, run, n, p->now))
		p->now++;
	return n;
}

static uint64_t at_most(const struct rounds *r, uint64_t used_ns)
{
	uint64_t most = r->cfg.slot_ns * CHARGE_MOST_SLOTS;

	return used_ns < most ? used_ns : most;
}

/* The VM's next slot starts later by what this CPU time takes on the ideal processor; negative: earlier. */
static void shift(const struct rounds *r, struct smooth_vm *s, int64_t ns)
{
	const struct smooth *p = r->priv;

	if (ns)
		set_position(p, s, ahead_of(p, s) +
					   quotient((position_t)ns * (position_t)p->den, r->cfg.slot_ns));
}

/* take() has charged a whole slot. */
static void charge(const struct rounds *r, struct smooth_vm *s, uint64_t used_ns, uint64_t elapsed_ns)
{
	shift(r, s, (int64_t)slot_charge(&s->over, r->cfg.slot_ns, at_most(r, used_ns), elapsed_ns) -
			    (int64_t)r->cfg.slot_ns);
}

static void smooth_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready)
{
	struct smooth *p = r->priv;
	struct smooth_vm *s = &r->vm[id].p.smooth;
	uint64_t tie;

	if (!r->cfg.strict)
		charge(r, s, used_ns, elapsed_ns);
	/* The VM missed a whole window, since it could not follow a jump. What it lost is lost. */
	if (!waits(r) && deadline(p, s, &tie) < earliest(p, s)) {
		s->start = earliest(p, s);
		s->start_rem = 0;
	}
	if (ready)
		enqueue(r, id);
}

static void smooth_owe(struct rounds *r, uint32_t id, uint64_t ns)
{
	struct smooth_vm *s = &r->vm[id].p.smooth;

	if (r->cfg.strict)
		return;
	not_before(r->priv, s);
	shift(r, s, (int64_t)at_most(r, ns));
}

static void set_rate(const struct smooth *p, struct vm *v)
{
	struct smooth_vm *s = &v->p.smooth;

	s->rate = v->weight * p->num;
	s->step = p->den / s->rate;
	s->step_rem = p->den % s->rate;
}

/*
 * New rates. Every VM keeps its lead or lag, counted in slots. If those of the ready VMs add up to a lag (a
 * VM that was ahead went away), the ideal processor stands still until the lag is made up, or VMs would
 * miss deadlines.
 */
static void smooth_reweigh(struct rounds *r)
{
	struct smooth *p = r->priv;
	bool hold = r->weight_max * r->cfg.lanes > r->weight_all;
	uint64_t old = p->den, rates = 0;
	position_t sum = 0;

	p->num = hold ? 1 : r->cfg.lanes;
	p->den = hold ? r->weight_max : r->weight_all;
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];
		struct smooth_vm *s = &v->p.smooth;
		position_t ahead = 0;

		if (v->state == VM_FREE)
			continue;
		if (s->rate && (v->state == VM_READY || s->start > p->now))
			ahead = ahead_of(p, s) * (position_t)p->den / (position_t)old;
		set_rate(p, v);
		set_position(p, s, ahead);
		if (v->state == VM_READY) {
			sum += ahead;
			rates += s->rate;
		}
	}
	for (uint32_t i = 0; i < r->n_active; i++) {
		uint32_t id = r->active[i];
		struct vm *v = &r->vm[id];
		struct smooth_vm *s = &v->p.smooth;

		smooth_leave(r, id);
		if (sum < 0)
			set_position(p, s, ahead_of(p, s) + (-sum * (position_t)s->rate + rates - 1) / rates);
		enqueue(r, id);
	}
}

const struct policy_ops policy_smooth = {
	.name = "smooth",
	.summary = "the same slots, spread evenly: no VM is ever a whole slot from its entitlement",
	.init = smooth_init,
	.fini = smooth_fini,
	.reserve = smooth_reserve,
	.added = smooth_added,
	.reweigh = smooth_reweigh,
	.join = smooth_join,
	.leave = smooth_leave,
	.pick = smooth_pick,
	.ran = smooth_ran,
	.owe = smooth_owe,
};
