/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The inside of struct rounds, for core/slots/rounds*.c and the policies only. A policy reads what is here,
 * and writes its own union member of struct vm and its priv.
 *
 * Fluid clock. Entitlement is what an ideal processor that served all ready VMs at once would give: `fluid`
 * counts nanoseconds of CPU time per unit of weight, times 2^FLUID_SHIFT, and a VM is entitled to
 * weight * (fluid - mark) (generalised processor sharing; Parekh and Gallager, 1993). Advancing it
 * is O(1) whatever the number of VMs.
 */

#include "bucket.h"
#include "pq.h"
#include "rounds.h"
#include "slotqueue.h"

typedef unsigned __int128 fluid_t;

#define FLUID_SHIFT 56

enum vm_state {
	VM_FREE, /* no VM */
	VM_AWAY,
	VM_READY,
	VM_RUNNING,
};

/* Policies' own state of a VM; described where it is used. Zero when the VM or the policy is new. */
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
	fluid_t mark; /* fluid up to which entitled_ns counts while active, or excess_ns while away */
	uint64_t weight; /* share, scaled, raised to one slot's worth and capped to one lane; < 2^46 in sum */
	struct part part;
	uint8_t state; /* enum vm_state */
	bool idle;     /* as last reported; a strict schedule keeps idle VMs ready */
	bool raised;
	bool fresh;   /* its bucket is not set up */
	bool pending; /* joins when weights are next computed */
	uint32_t slots;
	uint32_t run;
	uint64_t round; /* that slots and run belong to */
	uint32_t active_at; /* index in rounds.active while ready or running */
	struct bucket bucket;
	uint64_t entitled_ns;
	uint64_t used_ns;
	uint64_t excess_ns; /* used beyond its share while away, although others wanted to run */
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

	fluid_t fluid;
	uint64_t fluid_rate; /* per nanosecond */
	bool hold;           /* ready VMs cannot fill the lanes in their ratio, and must keep it */

	uint64_t last_ns;
	uint64_t slot_ns; /* when the current slot began */
	bool cut;         /* rounds_wake() has advised to end it */
	uint32_t *run;    /* owned, lanes */
	uint32_t n_run;

	bool dirty;   /* shares or membership changed */
	bool restart; /* shares changed: the round ends here */
	uint64_t round;
	uint64_t round_slots;
	uint64_t handed; /* slots of this round handed out */
	uint64_t price;  /* one slot's credit in this round: sum(Credit) / #TimeSlots */
	uint64_t slots_total;
	uint64_t *credit; /* owned, cap: equation (1)'s input and output */
	uint64_t *allotted;
};

/* rounds.c: */
void rounds_advance(struct rounds *r, uint64_t now_ns);
/* Count the VM's entitlement up to now. */
void rounds_settle(const struct rounds *r, struct vm *v);
/* After a change of the active VMs or their weights. */
void rounds_update_rate(struct rounds *r);
void rounds_activate(struct rounds *r, uint32_t id);
/* The policy has let go of the VM already. */
void rounds_deactivate(struct rounds *r, uint32_t id);

/* weights.c: put changed shares and membership into effect; none runs. O(n), times lanes if spread. */
void rounds_reweigh(struct rounds *r);

static inline struct vm *rounds_find(const struct rounds *r, uint32_t id)
{
	return id < r->n_ids && r->vm[id].state != VM_FREE ? &r->vm[id] : (struct vm *)0;
}

/* Entitlement between two readings of the fluid clock, nanoseconds; saturates at max. */
static inline uint64_t fluid_ns(fluid_t delta, uint64_t weight, uint64_t max)
{
	fluid_t ns;

	if (delta >> 120)
		return max;
	ns = delta >> 64 ? (delta >> 32) * weight >> (FLUID_SHIFT - 32) : delta * weight >> FLUID_SHIFT;
	return ns < max ? (uint64_t)ns : max;
}

static inline uint32_t vm_slots_left(const struct vm *v)
{
	return v->slots > v->run ? v->slots - v->run : 0;
}
