/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The state of a schedule of slots: its VMs, its clock, its round. Only files of core/slots/ include this.
 * A policy reads all of it; it writes to its own member of the union in struct vm and to what `priv` points
 * to.
 */

#include "bucket.h"
#include "fluid.h"
#include "pq.h"
#include "rounds_config.h"
#include "core/types.h"

#include <stddef.h>

enum vm_state {
	VM_FREE, /* no VM has this id */
	VM_AWAY,
	VM_READY,
	VM_RUNNING,
};

/* What each policy keeps of a VM; policy_*.c says what it means. Zero when the VM or the policy is new. */
struct smooth_vm {
	uint64_t start, start_rem;
	uint64_t step, step_rem;
	uint64_t rate;
	int64_t over; /* charged above what was used, nanoseconds, 0 to a slot */
};

struct credit_vm {
	fluid_t mark;
	int64_t credit;
	int64_t over; /* as in smooth_vm */
	uint64_t weight;
	uint8_t priority;
	bool touched;
	bool slept;
};

struct adrr_vm {
	uint64_t quantum;
	int64_t deficit;
	uint64_t turn;
	uint32_t lane;
	uint32_t slots;
};

struct vm {
	fluid_t mark; /* level of the fluid clock up to which entitled_ns (away: excess_ns) counts */
	uint64_t weight; /* weights.c; < 2^46 in sum */
	struct part part;
	uint8_t state; /* enum vm_state */
	bool idle;     /* as last reported; under a strict schedule idle VMs stay ready */
	bool raised;   /* its part is worth less than one slot of a round, and its weight is that of one */
	bool fresh;    /* its bucket is not set up */
	bool pending;  /* waits for weights_apply(), and is ready then */
	uint32_t slots;
	uint32_t run;
	uint64_t round; /* that slots and run belong to */
	uint32_t active_at; /* index in rounds.active while ready or running */
	struct bucket bucket;
	uint64_t entitled_ns;
	uint64_t used_ns;
	uint64_t excess_ns; /* used beyond its share while away, when others wanted to run */
	uint64_t slots_total;
	union {
		struct smooth_vm smooth;
		struct credit_vm credit;
		struct adrr_vm adrr;
	} p;
};

struct rounds {
	struct rounds_config cfg;
	const struct policy_ops *ops;
	void *priv; /* the policy's; owned */

	struct vm *vm; /* owned, cap of them, ids below n_ids in use at some time */
	uint32_t n_ids;
	uint32_t cap;
	struct pq free_ids;
	uint32_t n_vms;
	uint32_t n_raised;

	/* Ready and running VMs, in no particular (but repeatable) order. */
	uint32_t *active; /* owned, cap */
	uint32_t n_active;
	uint64_t weight_active;
	struct pq heaviest; /* active VMs by falling weight; kept where lanes > 1 */
	uint32_t n_slots;    /* #TimeSlots: the schedule's, or one for each VM if that is more */
	uint64_t weight_all; /* of all VMs */
	uint64_t weight_max;

	struct fluid fluid;
	bool hold; /* ready VMs cannot fill the lanes in their ratio, and must keep it */

	uint64_t began_ns; /* when the current slot began */
	bool cut;          /* rounds_wake() has advised to end it */
	uint32_t *run;     /* owned, lanes */
	uint32_t n_run;

	bool dirty;   /* parts or membership changed */
	bool restart; /* parts changed: the round ends here */
	uint64_t round;
	uint64_t round_slots;
	uint64_t handed; /* slots of this round handed out */
	uint64_t price;  /* one slot's credit in this round: sum(Credit) / #TimeSlots */
	uint64_t slots_total;
	uint64_t *credit; /* owned, cap: equation (1)'s input and output */
	uint64_t *allotted;
};

/* NULL: no VM has this id. */
static inline struct vm *rounds_find(const struct rounds *r, uint32_t id)
{
	return id < r->n_ids && r->vm[id].state != VM_FREE ? &r->vm[id] : NULL;
}

static inline uint32_t vm_slots_left(const struct vm *v)
{
	return v->slots > v->run ? v->slots - v->run : 0;
}

/* What an active VM has been entitled to so far, nanoseconds of CPU time; saturates. */
static inline uint64_t vm_entitled_ns(const struct rounds *r, const struct vm *v)
{
	return v->entitled_ns + fluid_ns(r->fluid.level - v->mark, v->weight, UINT64_MAX - v->entitled_ns);
}

/* Count the VM's entitlement up to now. To be called before its weight changes and before it goes away. */
static inline void vm_settle(const struct rounds *r, struct vm *v)
{
	v->entitled_ns = vm_entitled_ns(r, v);
	v->mark = r->fluid.level;
}
