/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * The controller. Every VM has a bucket that credit drips into at the rate of its weight: nanoseconds of
 * CPU time per second. At the start of a round, equation (1) divides the round's slots by the ready VMs'
 * credits. "One slot's credit" is then what the equation divides by, sum(Credit) / #TimeSlots: the round's
 * price. A slot that a VM runs costs it the price, and not the length of a slot, so that a round uses up
 * just what the controller gave out, also where some VMs are idle and the others get more than their share
 * of slots. What rounding to whole slots leaves (or overdraws) stays in the bucket and counts in the next
 * round. A bucket is as deep as `burst` or one round's credit, and one slot more, so that this rest is not
 * spilled. A slot beyond a VM's own in the round was given up by somebody, and is free.
 *
 * The weight of a VM is its share, except that a share that is worth less than one slot of a round is raised
 * to one slot's worth, and with `spread` one above a lane is cut to a lane.
 *
 * A VM that becomes ready in the middle of a round gets its slots at the round's price, cut to the part of
 * the round that is left. The round is then so much longer.
 *
 * Changes of shares and membership are collected, and take effect together at the next slot; a change of
 * shares begins a new round.
 */

#include "rounds_state.h"
#include "core/slots.h"

#include <errno.h>
#include <string.h>

/* --- clocks ---------------------------------------------------------------------------------- */

void rounds_advance(struct rounds *r, uint64_t now_ns)
{
	if (now_ns <= r->last_ns)
		return;
	r->fluid += (fluid_t)(now_ns - r->last_ns) * r->fluid_rate;
	r->last_ns = now_ns;
}

void rounds_settle(const struct rounds *r, struct vm *v)
{
	v->entitled_ns += fluid_ns(r->fluid - v->mark, v->weight, UINT64_MAX - v->entitled_ns);
	v->mark = r->fluid;
}

/* lanes over the ready VMs' weights; slower where the heaviest would get more than a lane. */
void rounds_update_rate(struct rounds *r)
{
	const uint64_t one = 1ULL << FLUID_SHIFT;
	uint64_t lanes = r->cfg.lanes;

	r->hold = false;
	r->fluid_rate = r->weight_active ? lanes * one / r->weight_active : 0;
	if (lanes > 1 && r->n_active) {
		uint64_t most = UINT64_MAX - pq_top(&r->heaviest)->hi;

		if (most * lanes > r->weight_active) {
			r->fluid_rate = one / most;
			r->hold = !r->cfg.spread;
		}
	}
}

/* --- equation (1) -------------------------------------------------------------------------------- */

static uint64_t credit_of(struct rounds *r, struct vm *v)
{
	bucket_refill(&v->bucket, r->last_ns);
	return v->bucket.level > 0 ? (uint64_t)v->bucket.level : 0;
}

static void begin_round(struct rounds *r)
{
	fluid_t sum = 0;

	for (uint32_t i = 0; i < r->n_active; i++)
		sum += r->credit[i] = credit_of(r, &r->vm[r->active[i]]);
	for (uint32_t i = 0; !sum && i < r->n_active; i++)
		r->credit[i] = r->vm[r->active[i]].weight;
	r->price = sum ? (uint64_t)((sum + r->n_slots - 1) / r->n_slots) : r->cfg.slot_ns;

	/* Out of memory: a slot each keeps everybody going until the next round. */
	if (slots_allocate(r->credit, r->n_active, r->n_slots, r->allotted))
		memset(r->allotted, 0, r->n_active * sizeof(*r->allotted));

	r->restart = false;
	r->round++;
	r->round_slots = r->handed = 0;
	for (uint32_t i = 0; i < r->n_active; i++) {
		struct vm *v = &r->vm[r->active[i]];

		v->round = r->round;
		v->slots = r->allotted[i] ? (uint32_t)r->allotted[i] : 1;
		v->run = 0;
		r->round_slots += v->slots;
	}
	if (r->ops->round)
		r->ops->round(r);
}

static void join_round(struct rounds *r, struct vm *v)
{
	uint64_t left = r->round_slots > r->handed ? r->round_slots - r->handed : 0;
	fluid_t slots;

	if (v->round == r->round && r->round)
		return;
	v->round = r->round;
	v->run = v->slots = 0;
	/* No round is under way: none has begun yet, or the schedule has just changed. */
	if (!r->round_slots)
		return;
	slots = (fluid_t)credit_of(r, v) * left / ((fluid_t)r->price * r->round_slots);
	slots = slots < r->n_slots ? slots : r->n_slots;
	v->slots = slots ? (uint32_t)slots : 1;
	r->round_slots += v->slots;
}

/* --- ready and away ----------------------------------------------------------------------------- */

void rounds_activate(struct rounds *r, uint32_t id)
{
	struct vm *v = &r->vm[id];

	join_round(r, v);
	if (v->excess_ns && r->ops->owe)
		r->ops->owe(r, id, v->excess_ns);
	v->excess_ns = 0;
	v->mark = r->fluid;
	v->active_at = r->n_active;
	r->active[r->n_active++] = id;
	r->weight_active += v->weight;
	if (r->cfg.lanes > 1)
		pq_set(&r->heaviest, id, UINT64_MAX - v->weight, 0);
	rounds_update_rate(r);
	v->state = VM_READY;
	r->ops->join(r, id);
}

void rounds_deactivate(struct rounds *r, uint32_t id)
{
	struct vm *v = &r->vm[id];
	uint32_t last = r->active[--r->n_active];

	rounds_settle(r, v);
	r->active[v->active_at] = last;
	r->vm[last].active_at = v->active_at;
	r->weight_active -= v->weight;
	pq_remove(&r->heaviest, id);
	rounds_update_rate(r);
	v->state = VM_AWAY;
}

/* Rounding overdraws by less than a slot: more debt than that is from before a change, and is let go. */
static void charge(const struct rounds *r, struct vm *v)
{
	bucket_charge(&v->bucket, r->price);
	if (v->bucket.level < -(int64_t)r->price)
		v->bucket.level = -(int64_t)r->price;
}

static void finish(struct rounds *r, uint32_t id, uint64_t used_ns, bool idle)
{
	struct vm *v = &r->vm[id];
	bool ready = !idle || r->cfg.strict;

	v->idle = idle;
	v->used_ns += used_ns;
	if (v->run <= v->slots)
		charge(r, v);
	v->state = VM_READY;
	r->ops->ran(r, id, used_ns, r->last_ns - r->slot_ns, ready);
	if (!ready)
		rounds_deactivate(r, id);
}

int rounds_wake(struct rounds *r, uint32_t id, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);
	bool worth;

	if (!v)
		return -ENOENT;
	rounds_advance(r, now_ns);
	v->idle = false;
	if (v->state != VM_AWAY || v->pending)
		return 0;
	rounds_activate(r, id);
	/* With all lanes empty, the current slot is nobody's. */
	worth = !r->n_run || (r->ops->preempts && r->ops->preempts(r, id));
	r->cut = r->cut || worth;
	return worth;
}

int rounds_block(struct rounds *r, uint32_t id, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	rounds_advance(r, now_ns);
	v->idle = true;
	if (v->state != VM_READY || r->cfg.strict)
		return 0;
	r->ops->leave(r, id);
	rounds_deactivate(r, id);
	return 0;
}

/* --- slots ------------------------------------------------------------------------------------------ */

/*
 * The excess is a bucket with a leak: CPU time comes in, and what its share would have been, had it been
 * ready beside those that are, goes out. Where nobody else wants to run it takes nothing from anybody.
 */
static bool outside(struct rounds *r, struct vm *v, uint64_t used_ns)
{
	uint64_t entitled = fluid_ns(r->fluid - v->mark, v->weight, UINT64_MAX);

	entitled = (uint64_t)((fluid_t)entitled * r->weight_active / (r->weight_active + v->weight + 1));
	v->mark = r->fluid;
	v->excess_ns += r->n_active && used_ns < UINT64_MAX / 2 - v->excess_ns ? used_ns : 0;
	v->excess_ns = v->excess_ns > entitled ? v->excess_ns - entitled : 0;
	return v->excess_ns > r->cfg.slot_ns;
}

int rounds_report(struct rounds *r, uint32_t id, uint64_t used_ns, bool ready, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	rounds_advance(r, now_ns);
	if (v->state == VM_RUNNING) {
		finish(r, id, used_ns, !ready);
		return 0;
	}
	v->used_ns += used_ns;
	return v->state == VM_AWAY && outside(r, v, used_ns);
}

void rounds_next(struct rounds *r, uint64_t now_ns, struct slot_set *out)
{
	uint64_t round = r->round;

	rounds_advance(r, now_ns);
	for (uint32_t i = 0; i < r->n_run; i++) {
		struct vm *v = &r->vm[r->run[i]];

		if (v->state == VM_RUNNING)
			finish(r, r->run[i], r->last_ns - r->slot_ns, v->idle);
	}
	r->n_run = 0;
	r->cut = false;
	if (r->dirty)
		rounds_reweigh(r);
	r->slot_ns = r->last_ns;

	if (r->n_active) {
		if (r->restart || (!r->ops->ends_rounds && r->handed >= r->round_slots))
			begin_round(r);
		r->n_run = r->ops->pick(r, r->last_ns, r->run);
		if (!r->n_run && r->ops->ends_rounds) {
			begin_round(r);
			r->n_run = r->ops->pick(r, r->last_ns, r->run);
		}
	}
	for (uint32_t i = 0; i < r->n_run; i++) {
		struct vm *v = &r->vm[r->run[i]];

		v->state = VM_RUNNING;
		v->run++;
		v->slots_total++;
	}
	r->handed += r->n_run;
	r->slots_total += r->n_run;
	*out = (struct slot_set){ .vm = r->run, .n = r->n_run, .new_round = r->round != round };
}
