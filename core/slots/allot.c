/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * Credit. Every VM has a bucket. Credit drips into it at the rate of the VM's weight (weights.c):
 * nanoseconds of CPU time per second. At the start of a round, equation (1) divides the round's slots by
 * the ready VMs' credits.
 *
 * Price. "One slot's credit" is what the equation divides by, sum(Credit) / #TimeSlots. A slot that a VM
 * runs costs it this price, and not the length of a slot. So a round uses up just what the controller gave
 * out, also where some VMs are idle and the others get more slots than their share.
 *
 * Rest. What rounding to whole slots leaves in a bucket, or overdraws, counts in the next round. A bucket
 * is one slot deeper than `burst` or one round's credit, so that this rest is not spilled. A VM that runs
 * more slots than its own of the round runs a slot that another VM gave up. Such a slot is free.
 *
 * Late. A VM that becomes ready in the middle of a round buys slots with its credit at the round's price,
 * cut to the part of the round that is left. The round becomes longer by these slots.
 */

#include "allot.h"
#include "policy.h"
#include "rounds_state.h"
#include "core/slots.h"

#include <string.h>

static uint64_t credit_of(const struct rounds *r, struct vm *v)
{
	bucket_refill(&v->bucket, r->fluid.last_ns);
	return v->bucket.level > 0 ? (uint64_t)v->bucket.level : 0;
}

void allot_round(struct rounds *r)
{
	fluid_t sum = 0;

	for (uint32_t i = 0; i < r->n_active; i++)
		sum += r->credit[i] = credit_of(r, &r->vm[r->active[i]]);
	for (uint32_t i = 0; !sum && i < r->n_active; i++)
		r->credit[i] = r->vm[r->active[i]].weight;
	r->price = sum ? (uint64_t)((sum + r->n_slots - 1) / r->n_slots) : r->cfg.slot_ns;

	/* Out of memory: with a slot each, all VMs go on until the next round. */
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

void allot_late(struct rounds *r, struct vm *v)
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

void allot_charge(const struct rounds *r, struct vm *v)
{
	if (v->run > v->slots)
		return;
	bucket_charge(&v->bucket, r->price);
	/* Rounding overdraws by less than a slot. More debt is from before a change, and is let go. */
	if (v->bucket.level < -(int64_t)r->price)
		v->bucket.level = -(int64_t)r->price;
}
