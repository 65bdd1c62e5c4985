/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A schedule of slots and its table of VMs: made, changed while it runs, asked. now_ns is a monotonic clock
 * in nanoseconds everywhere; a time that goes back counts as standing. No call changes anything if it
 * fails.
 */

#include "rounds_config.h"
#include "core/types.h"

struct rounds;

/* The account of a VM. Times are nanoseconds of CPU time. */
struct rounds_vm {
	struct part part;
	bool ready;              /* wants to run, as far as the user has said */
	bool running;            /* in the slot that began last */
	bool raised;             /* its part is worth less than one slot of a round: it gets one (warn) */
	int64_t credit_ns;       /* the policy's credit; negative: the VM owes */
	uint32_t slots;          /* equation (1), this round; 0: it has not been ready in this round */
	uint32_t slots_run;      /* this round */
	uint64_t slots_run_total;
	uint64_t entitled_ns;    /* what its part was worth while it was ready; cumulative */
	uint64_t used_ns;        /* reported; cumulative */
};

struct rounds_stats {
	uint64_t rounds;
	uint64_t slots;       /* handed out, one for each VM of each slot */
	uint32_t vms;
	uint32_t ready;       /* running ones included */
	uint32_t raised;      /* VMs that get one slot although their part is worth less */
	uint32_t round_slots; /* of the current round */
};

/* *out: owned by the caller. Returns 0; -EINVAL: *c is not as rounds_config.h says; -ENOMEM. */
int rounds_new(struct rounds **out, const struct rounds_config *c, uint64_t now_ns);
void rounds_free(struct rounds *r);
/*
 * Change policy, slots or lanes while the schedule runs. VMs and their accounts stay. The current slot
 * ends: what rounds_next() said about it is void.
 * Returns 0; -EINVAL: *c is not as rounds_config.h says; -ENOMEM.
 */
int rounds_configure(struct rounds *r, const struct rounds_config *c, uint64_t now_ns);

/*
 * Add a VM. It is ready from the next slot on, with one round's credit. The parts need not add up to the
 * whole: what counts is the ratio of each to the others. *id: the lowest free number.
 * Returns 0; -EINVAL: the part is not 1..PART_MAX; -E2BIG: there are ROUNDS_VMS_MAX VMs; -ENOMEM.
 */
int rounds_add(struct rounds *r, struct part part, uint64_t now_ns, uint32_t *id);
/* Remove a VM. A running one leaves its slot. Returns 0; -ENOENT: no VM has this id. */
int rounds_remove(struct rounds *r, uint32_t id, uint64_t now_ns);
/*
 * Change a VM's part from the next slot on, which begins a new round.
 * Returns 0; -ENOENT: no VM has this id; -EINVAL: the part is not 1..PART_MAX.
 */
int rounds_set_part(struct rounds *r, uint32_t id, struct part part);

/* Entitlement is as of the last call that passed a time. O(1). Returns 0; -ENOENT: no VM has this id. */
int rounds_info(const struct rounds *r, uint32_t id, struct rounds_vm *out);
void rounds_stats(const struct rounds *r, struct rounds_stats *out);
