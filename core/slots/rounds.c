/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The controller, from slot to slot. Changes of parts and membership take effect together at the next slot
 * (weights.c); a change of parts begins a new round (allot.c).
 */

#include "rounds.h"
#include "allot.h"
#include "ready.h"
#include "rounds_state.h"
#include "weights.h"

#include <errno.h>

static void finish(struct rounds *r, uint32_t id, uint64_t used_ns, bool idle)
{
	struct vm *v = &r->vm[id];
	bool ready = !idle || r->cfg.strict;

	v->idle = idle;
	v->used_ns += used_ns;
	allot_charge(r, v);
	v->state = VM_READY;
	r->ops->ran(r, id, used_ns, r->fluid.last_ns - r->began_ns, ready);
	if (!ready)
		ready_leave(r, id);
}

int rounds_wake(struct rounds *r, uint32_t id, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);
	bool worth;

	if (!v)
		return -ENOENT;
	fluid_advance(&r->fluid, now_ns);
	v->idle = false;
	if (v->state != VM_AWAY || v->pending)
		return 0;
	ready_enter(r, id);
	/* With all lanes empty, the current slot belongs to no VM. */
	worth = !r->n_run || (r->ops->preempts && r->ops->preempts(r, id));
	r->cut = r->cut || worth;
	return worth;
}

int rounds_block(struct rounds *r, uint32_t id, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	fluid_advance(&r->fluid, now_ns);
	v->idle = true;
	if (v->state != VM_READY || r->cfg.strict)
		return 0;
	r->ops->leave(r, id);
	ready_leave(r, id);
	return 0;
}

/*
 * The excess is a bucket with a leak. The CPU time that the away VM uses comes in; what its share would
 * have been, had it been ready beside the VMs that are, goes out. Where no other VM wants to run, it takes
 * nothing from any.
 */
static bool outside(struct rounds *r, struct vm *v, uint64_t used_ns)
{
	uint64_t entitled = fluid_ns(r->fluid.level - v->mark, v->weight, UINT64_MAX);

	entitled = (uint64_t)((fluid_t)entitled * r->weight_active / (r->weight_active + v->weight + 1));
	v->mark = r->fluid.level;
	v->excess_ns += r->n_active && used_ns < UINT64_MAX / 2 - v->excess_ns ? used_ns : 0;
	v->excess_ns = v->excess_ns > entitled ? v->excess_ns - entitled : 0;
	return v->excess_ns > r->cfg.slot_ns;
}

int rounds_report(struct rounds *r, uint32_t id, uint64_t used_ns, bool ready, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	fluid_advance(&r->fluid, now_ns);
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

	fluid_advance(&r->fluid, now_ns);
	for (uint32_t i = 0; i < r->n_run; i++) {
		struct vm *v = &r->vm[r->run[i]];

		if (v->state == VM_RUNNING)
			finish(r, r->run[i], r->fluid.last_ns - r->began_ns, v->idle);
	}
	r->n_run = 0;
	r->cut = false;
	if (r->dirty) {
		weights_apply(r);
		ready_enter_pending(r);
		r->dirty = false;
	}
	r->began_ns = r->fluid.last_ns;

	if (r->n_active) {
		if (r->restart || (!r->ops->ends_rounds && r->handed >= r->round_slots))
			allot_round(r);
		r->n_run = r->ops->pick(r, r->fluid.last_ns, r->run);
		if (!r->n_run && r->ops->ends_rounds) {
			allot_round(r);
			r->n_run = r->ops->pick(r, r->fluid.last_ns, r->run);
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
