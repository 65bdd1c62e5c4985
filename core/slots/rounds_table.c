/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Changes only mark the table dirty. At the next slot weights_apply() puts them into effect, all at once. */

#include "rounds_table.h"
#include "policy.h"
#include "ready.h"
#include "rounds_state.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define ROUNDS_CAP_MIN 16U

static int grow(struct rounds *r, uint32_t cap)
{
	struct vm *vm;
	void *p;
	int ret;

	if (cap <= r->cap)
		return 0;
	ret = pq_reserve(&r->free_ids, cap);
	if (!ret)
		ret = pq_reserve(&r->heaviest, cap);
	if (!ret)
		ret = r->ops->reserve(r->priv, cap);
	if (ret)
		return ret;
	p = realloc(r->active, cap * sizeof(*r->active));
	if (!p)
		return -ENOMEM;
	r->active = p;
	p = realloc(r->credit, cap * sizeof(*r->credit));
	if (!p)
		return -ENOMEM;
	r->credit = p;
	p = realloc(r->allotted, cap * sizeof(*r->allotted));
	if (!p)
		return -ENOMEM;
	r->allotted = p;

	/* realloc() keeps malloc()'s alignment, which fluid_t needs. */
	vm = realloc(r->vm, cap * sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	memset(vm + r->cap, 0, (cap - r->cap) * sizeof(*vm));
	r->vm = vm;
	r->cap = cap;
	return 0;
}

int rounds_add(struct rounds *r, struct part part, uint64_t now_ns, uint32_t *id)
{
	uint32_t i;
	int ret;

	if (part.ppm < 1 || part.ppm > PART_MAX)
		return -EINVAL;
	if (r->n_vms >= ROUNDS_VMS_MAX)
		return -E2BIG;
	if (!r->free_ids.n) {
		if (r->n_ids == r->cap) {
			ret = grow(r, r->cap * 2);
			if (ret)
				return ret;
		}
		pq_set(&r->free_ids, r->n_ids, r->n_ids, 0);
		r->n_ids++;
	}
	fluid_advance(&r->fluid, now_ns);
	i = pq_pop(&r->free_ids);
	r->vm[i] = (struct vm){ .part = part, .state = VM_AWAY, .fresh = true, .pending = true };
	if (r->ops->added)
		r->ops->added(r, i);
	r->n_vms++;
	r->dirty = true;
	*id = i;
	return 0;
}

int rounds_remove(struct rounds *r, uint32_t id, uint64_t now_ns)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	fluid_advance(&r->fluid, now_ns);
	if (v->state == VM_RUNNING) {
		v->state = VM_READY;
		r->ops->ran(r, id, 0, r->fluid.last_ns - r->began_ns, false);
		ready_leave(r, id);
	} else if (v->state == VM_READY) {
		r->ops->leave(r, id);
		ready_leave(r, id);
	}
	v->state = VM_FREE;
	pq_set(&r->free_ids, id, id, 0);
	r->n_vms--;
	r->dirty = true;
	return 0;
}

int rounds_set_part(struct rounds *r, uint32_t id, struct part part)
{
	struct vm *v = rounds_find(r, id);

	if (!v)
		return -ENOENT;
	if (part.ppm < 1 || part.ppm > PART_MAX)
		return -EINVAL;
	v->part = part;
	r->dirty = r->restart = true;
	return 0;
}

static bool config_valid(const struct rounds_config *c)
{
	return c->policy && c->slot_ns && c->slot_ns <= 1000 * NSEC_PER_SEC && c->slots &&
	       c->slots <= ROUNDS_SLOTS_MAX && c->lanes && c->lanes <= ROUNDS_LANES_MAX &&
	       c->burst_ns <= INT64_MAX / 4;
}

void rounds_free(struct rounds *r)
{
	if (!r)
		return;
	if (r->ops)
		r->ops->fini(r->priv);
	pq_free(&r->free_ids);
	pq_free(&r->heaviest);
	free(r->vm);
	free(r->active);
	free(r->run);
	free(r->credit);
	free(r->allotted);
	free(r);
}

static void rounds_freep(struct rounds **r)
{
	rounds_free(*r);
}

int rounds_new(struct rounds **out, const struct rounds_config *c, uint64_t now_ns)
{
	_cleanup_(rounds_freep) struct rounds *r = NULL;
	int ret;

	if (!config_valid(c))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->cfg = *c;
	r->fluid.last_ns = r->began_ns = now_ns;
	r->run = calloc(c->lanes, sizeof(*r->run));
	if (!r->run)
		return -ENOMEM;
	ret = c->policy->init(c, &r->priv);
	if (ret)
		return ret;
	r->ops = c->policy;
	ret = grow(r, ROUNDS_CAP_MIN);
	if (ret)
		return ret;
	*out = TAKE_PTR(r);
	return 0;
}

int rounds_configure(struct rounds *r, const struct rounds_config *c, uint64_t now_ns)
{
	_cleanup_free_ uint32_t *run = NULL;
	void *priv;
	int ret;

	if (!config_valid(c))
		return -EINVAL;
	run = calloc(c->lanes, sizeof(*run));
	if (!run)
		return -ENOMEM;
	ret = c->policy->init(c, &priv);
	if (ret)
		return ret;
	ret = c->policy->reserve(priv, r->cap);
	if (ret) {
		c->policy->fini(priv);
		return ret;
	}

	fluid_advance(&r->fluid, now_ns);
	while (r->n_active) {
		uint32_t id = r->active[r->n_active - 1];

		ready_leave(r, id);
		r->vm[id].pending = true;
	}
	r->ops->fini(r->priv);
	r->cfg = *c;
	r->ops = c->policy;
	r->priv = priv;
	free(r->run);
	r->run = TAKE_PTR(run);
	r->n_run = 0;
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];

		if (v->state == VM_FREE)
			continue;
		memset(&v->p, 0, sizeof(v->p));
		v->pending = true;
		if (r->ops->added)
			r->ops->added(r, i);
	}
	r->round_slots = r->handed = 0;
	r->dirty = true;
	return 0;
}

int rounds_info(const struct rounds *r, uint32_t id, struct rounds_vm *out)
{
	const struct vm *v = rounds_find(r, id);
	bool active, current;

	if (!v)
		return -ENOENT;
	active = v->state == VM_READY || v->state == VM_RUNNING;
	current = r->round && v->round == r->round;
	*out = (struct rounds_vm){
		.part = v->part,
		.ready = !v->idle,
		.running = v->state == VM_RUNNING,
		.raised = v->raised,
		.credit_ns = r->ops->credit ? r->ops->credit(r, id) : v->bucket.level,
		.slots = current ? v->slots : 0,
		.slots_run = current ? v->run : 0,
		.slots_run_total = v->slots_total,
		.entitled_ns = active ? vm_entitled_ns(r, v) : v->entitled_ns,
		.used_ns = v->used_ns,
	};
	return 0;
}

void rounds_stats(const struct rounds *r, struct rounds_stats *out)
{
	*out = (struct rounds_stats){
		.rounds = r->round,
		.slots = r->slots_total,
		.vms = r->n_vms,
		.ready = r->n_active,
		.raised = r->n_raised,
		.round_slots = (uint32_t)r->round_slots,
	};
}
