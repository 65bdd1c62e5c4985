/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * The weight of a VM is its part, with two exceptions. A part that is worth less than one slot of a round
 * is raised to one slot's worth, so that no VM starves. With `spread`, a part above one lane is cut to a
 * lane.
 *
 * Changes of parts and membership are collected, and take effect together at the next slot.
 */

#include "weights.h"
#include "policy.h"
#include "rounds_state.h"

/* Weights are finer than parts, so that one slot's worth among small parts is not rounded far. */
#define WEIGHT_SHIFT 10

/*
 * Water-filling of lanes: the level at which the weights, cut off at it, add up to `lanes` times the level.
 * Weights above it fill a lane each. There are fewer of them than lanes, so that this ends in as many
 * passes. There are more VMs than lanes.
 */
static uint64_t lane_level(const struct rounds *r)
{
	uint64_t level = UINT64_MAX;

	for (;;) {
		uint64_t below = 0, full = 0, next;

		for (uint32_t i = 0; i < r->n_ids; i++) {
			if (r->vm[i].state == VM_FREE)
				continue;
			if (r->vm[i].weight > level)
				full++;
			else
				below += r->vm[i].weight;
		}
		next = below / (r->cfg.lanes - full);
		if (next >= level)
			return level;
		level = next;
	}
}

static void cap_to_lane(struct rounds *r)
{
	uint64_t level = r->n_vms > r->cfg.lanes ? lane_level(r) : 1;

	for (uint32_t i = 0; i < r->n_ids; i++)
		if (r->vm[i].state != VM_FREE && r->vm[i].weight > level)
			r->vm[i].weight = level;
}

static void weigh(struct rounds *r)
{
	fluid_t sum = 0;
	uint64_t one_slot;

	for (uint32_t i = 0; i < r->n_ids; i++)
		if (r->vm[i].state != VM_FREE)
			sum += r->vm[i].part.ppm;
	r->n_slots = r->cfg.slots > r->n_vms ? r->cfg.slots : r->n_vms;
	one_slot = r->n_slots ? (uint64_t)(((sum << WEIGHT_SHIFT) + r->n_slots - 1) / r->n_slots) : 0;

	r->n_raised = 0;
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];

		if (v->state == VM_FREE)
			continue;
		v->weight = (uint64_t)v->part.ppm << WEIGHT_SHIFT;
		v->raised = v->weight < one_slot;
		if (v->raised)
			v->weight = one_slot;
		r->n_raised += v->raised;
	}
	if (r->cfg.spread && r->cfg.lanes > 1)
		cap_to_lane(r);

	r->weight_all = r->weight_max = 0;
	for (uint32_t i = 0; i < r->n_ids; i++) {
		if (r->vm[i].state == VM_FREE)
			continue;
		r->weight_all += r->vm[i].weight;
		if (r->vm[i].weight > r->weight_max)
			r->weight_max = r->vm[i].weight;
	}
}

/* Credit per second at full load, and the bucket's depth: see allot.c. */
static void set_bucket(struct rounds *r, struct vm *v)
{
	bool held = r->weight_max * r->cfg.lanes > r->weight_all;
	uint64_t num = held ? 1 : r->cfg.lanes, den = held ? r->weight_max : r->weight_all;
	uint64_t rate = (uint64_t)((fluid_t)v->weight * num * NSEC_PER_SEC / den);
	/* At most 10^6 slots of 1,000 s. */
	int64_t round_ns = (int64_t)((fluid_t)r->n_slots * r->cfg.slot_ns * v->weight / r->weight_all);
	int64_t burst = (int64_t)r->cfg.burst_ns > round_ns ? (int64_t)r->cfg.burst_ns : round_ns;
	int64_t depth = burst + (int64_t)r->cfg.slot_ns;

	if (v->fresh) {
		bucket_init(&v->bucket, rate, depth, r->fluid.last_ns);
		bucket_charge(&v->bucket, (uint64_t)(depth - round_ns));
		v->fresh = false;
		return;
	}
	/* What is left of the old part's credit counts by the new one: the next round is in the new ratio. */
	bucket_refill(&v->bucket, r->fluid.last_ns);
	if (v->bucket.level > 0 && v->bucket.rate)
		v->bucket.level = (int64_t)((fluid_t)v->bucket.level * rate / v->bucket.rate);
	bucket_configure(&v->bucket, rate, depth, r->fluid.last_ns);
}

static void update_rate(struct rounds *r)
{
	const struct pq_item *top = pq_top(&r->heaviest);
	bool slower = fluid_serve(&r->fluid, r->cfg.lanes, r->weight_active, top ? UINT64_MAX - top->hi : 0);

	r->hold = slower && !r->cfg.spread;
}

static void serve(struct rounds *r, uint32_t id)
{
	r->weight_active += r->vm[id].weight;
	if (r->cfg.lanes > 1)
		pq_set(&r->heaviest, id, UINT64_MAX - r->vm[id].weight, 0);
}

void weights_add(struct rounds *r, uint32_t id)
{
	serve(r, id);
	update_rate(r);
}

void weights_remove(struct rounds *r, uint32_t id)
{
	r->weight_active -= r->vm[id].weight;
	pq_remove(&r->heaviest, id);
	update_rate(r);
}

void weights_apply(struct rounds *r)
{
	for (uint32_t i = 0; i < r->n_active; i++)
		vm_settle(r, &r->vm[r->active[i]]);
	weigh(r);

	r->weight_active = 0;
	pq_clear(&r->heaviest);
	for (uint32_t i = 0; i < r->n_active; i++)
		serve(r, r->active[i]);
	update_rate(r);
	for (uint32_t i = 0; i < r->n_ids; i++)
		if (r->vm[i].state != VM_FREE)
			set_bucket(r, &r->vm[i]);
	if (r->ops->reweigh)
		r->ops->reweigh(r);
}
