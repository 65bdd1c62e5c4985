/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ready.h"
#include "allot.h"
#include "policy.h"
#include "rounds_state.h"
#include "weights.h"

void ready_enter(struct rounds *r, uint32_t id)
{
	struct vm *v = &r->vm[id];

	allot_late(r, v);
	if (v->excess_ns && r->ops->owe)
		r->ops->owe(r, id, v->excess_ns);
	v->excess_ns = 0;
	v->mark = r->fluid.level;
	v->active_at = r->n_active;
	r->active[r->n_active++] = id;
	weights_add(r, id);
	v->state = VM_READY;
	r->ops->join(r, id);
}

void ready_leave(struct rounds *r, uint32_t id)
{
	struct vm *v = &r->vm[id];
	uint32_t last = r->active[--r->n_active];

	vm_settle(r, v);
	r->active[v->active_at] = last;
	r->vm[last].active_at = v->active_at;
	weights_remove(r, id);
	v->state = VM_AWAY;
}

void ready_enter_pending(struct rounds *r)
{
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];

		if (v->state != VM_AWAY || !v->pending)
			continue;
		v->pending = false;
		if (!v->idle || r->cfg.strict)
			ready_enter(r, i);
	}
}
