/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rounds_state.h"

/* Weights are finer than shares, so that one slot's worth among small shares is not rounded far. */
#define WEIGHT_SHIFT 10

/*
 * Water-filling of lanes: the level at which the weights, cut off at it, add up to lanes times it. Those
 * above fill a lane each; there are fewer than lanes of them, so that this ends in as many passes. More VMs
 * than lanes.
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

/* Credit per second at full load, and the bucket's depth: see Theory of Operation. */
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
		bucket_init(&v->bucket, rate, depth, r->last_ns);
		bucket_charge(&v->bucket, (uint64_t)(depth - round_ns));
		v->fresh = false;
		return;
	}
	/* What is left of the old share's credit counts by the new: the next round is in the new ratio. */
	bucket_refill(&v->bucket, r->last_ns);
	if (v->bucket.level > 0 && v->bucket.rate)
		v->bucket.level = (int64_t)((fluid_t)v->bucket.level * rate / v->bucket.rate);
	bucket_configure(&v->bucket, rate, depth, r->last_ns);
}

void rounds_reweigh(struct rounds *r)
{
	for (uint32_t i = 0; i < r->n_active; i++)
		rounds_settle(r, &r->vm[r->active[i]]);
	weigh(r);

	r->weight_active = 0;
	pq_clear(&r->heaviest);
	for (uint32_t i = 0; i < r->n_active; i++) {
		struct vm *v = &r->vm[r->active[i]];

		r->weight_active += v->weight;
		if (r->cfg.lanes > 1)
			pq_set(&r->heaviest, r->active[i], UINT64_MAX - v->weight, 0);
	}
	rounds_update_rate(r);
	for (uint32_t i = 0; i < r->n_ids; i++)
		if (r->vm[i].state != VM_FREE)
			set_bucket(r, &r->vm[i]);
	if (r->ops->reweigh)
		r->ops->reweigh(r);
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];

		if (v->state != VM_AWAY || !v->pending)
			continue;
		v->pending = false;
		if (!v->idle || r->cfg.strict)
			rounds_activate(r, i);
	}
	r->dirty = false;
}
