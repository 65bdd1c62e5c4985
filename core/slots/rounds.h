/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * CPU slots in rounds: the paper's scheduler (section III-B) with a policy in its middle. Each VM has a leaky
 * bucket of credit (core/slots/bucket.h); at the start of a round, equation (1) (core/slots.h) turns credits into
 * slots; the policy (core/slots/policy.h) says whose turn it is. Pure: no clock, no I/O; the same calls give
 * the same answers.
 *
 * At every slot boundary the user calls rounds_report() for each VM of the slot that ends, then
 * rounds_next():
 *
 *	rounds_report(r, id, used_ns, wants_more);    (each VM that ran; a VM left out counts as busy)
 *	rounds_next(r, now_ns, &set);                 (these VMs run now, all others are paused)
 *
 * and between boundaries rounds_wake() and rounds_block() as it learns of them. Slots need not be equally
 * long.
 *
 * Idle VMs. Only a VM that is not paused can show that it is idle or wakes up. Where a paused VM's state is
 * unknown, leave it ready (do nothing). A VM that is known to be idle (blocked) gives up its slots, unless
 * the schedule is strict: then its slots stay its own, and rounds_block() changes nothing.
 *
 * Lanes. Up to `lanes` VMs run at once, and one VM fills at most one lane. A VM whose share is above one lane
 * (60:40 on two lanes: 1.2) cannot have it. Two ways out, both exact:
 *	hold (default)  keep the ratio: the largest VM fills one lane, the others stay in proportion and
 *	                lanes are left empty (1 : 0.67; throughput 1.67 of 2)
 *	spread          fill the lanes: what the largest cannot take goes to the others by share
 *	                (water-filling; 1 : 1), as in Chandra et al., Surplus Fair Scheduling, OSDI 2000
 *
 * Costs: rounds_next() is O(log n) for each VM that ran or runs; rounds_wake() and rounds_block() O(log n);
 * the first rounds_next() of a round is O(ready VMs), and a round has at least that many slots; the first
 * rounds_next() after a change of shares or membership is O(n).
 */

#include "policy.h"
#include "core/types.h"

#define ROUNDS_LANES_MAX 128U
#define ROUNDS_SLOTS_MAX 1000000U
#define ROUNDS_VMS_MAX 60000U

struct rounds_config {
	const struct policy_ops *policy;
	uint64_t slot_ns;  /* > 0 */
	uint32_t slots;    /* #TimeSlots of equation (1), 1..ROUNDS_SLOTS_MAX; at least one for each VM */
	uint32_t lanes;    /* 1..ROUNDS_LANES_MAX */
	uint64_t burst_ns; /* CPU time's worth of credit a VM can save up; 0: what a round gives it */
	bool strict;       /* a slot that its VM cannot use stays empty */
	bool spread;       /* see Lanes above */
};

/* The VMs of a slot. */
struct slot_set {
	const uint32_t *vm; /* ids, all different; borrowed until rounds_next() or rounds_configure() */
	uint32_t n;         /* at most lanes; 0: nobody is ready (or, strict, nobody's turn) */
	bool new_round;
};

struct rounds_vm {
	struct part part;
	bool ready;              /* wants to run, as far as known */
	bool running;            /* in the slot that began last */
	bool raised;             /* its share is worth less than one slot of a round: it gets one (warn) */
	int64_t credit_ns;       /* the policy's credit; nanoseconds of CPU time; negative: owes */
	uint32_t slots;          /* equation (1), this round; 0 while it is not ready */
	uint32_t slots_run;      /* this round */
	uint64_t slots_run_total;
	uint64_t entitled_ns;    /* CPU time that its share was worth while it was ready; cumulative */
	uint64_t used_ns;        /* CPU time reported; cumulative */
};

struct rounds_stats {
	uint64_t rounds;
	uint64_t slots;     /* handed out, one for each VM of each slot */
	uint32_t vms;
	uint32_t ready;     /* running ones included */
	uint32_t raised;    /* VMs that get one slot although their share is worth none */
	uint32_t round_slots; /* of the current round */
};

/* now_ns: a monotonic clock, nanoseconds; one that goes back counts as standing. 0, -EINVAL or -ENOMEM. */
int rounds_new(struct rounds **out, const struct rounds_config *c, uint64_t now_ns);
void rounds_free(struct rounds *r);
/* Change policy, slots or lanes under way; VMs and accounts stay. The current slot ends. As rounds_new(). */
int rounds_configure(struct rounds *r, const struct rounds_config *c, uint64_t now_ns);

/* A VM, ready, with one round's credit. *id is the lowest free one. 0, -EINVAL (part), -ENOMEM or -E2BIG. */
int rounds_add(struct rounds *r, struct part part, uint64_t now_ns, uint32_t *id);
/* 0 or -ENOENT. A running VM leaves its slot. */
int rounds_remove(struct rounds *r, uint32_t id, uint64_t now_ns);
/* From the next slot on. 0, -ENOENT or -EINVAL. */
int rounds_set_part(struct rounds *r, uint32_t id, struct part part);

/* 1: worth ending the current slot (report, then rounds_next()); 0; -ENOENT. */
int rounds_wake(struct rounds *r, uint32_t id, uint64_t now_ns);
/* 0 or -ENOENT. A running VM keeps its slot, and is blocked after it. */
int rounds_block(struct rounds *r, uint32_t id, uint64_t now_ns);

/*
 * CPU time that a VM used. For a VM of the current slot: in it, and the slot is over for this VM.
 * For any other: outside its turn; only its account changes. 0; -ENOENT; 1: a VM that is idle used more than
 * its share so, by a slot's time: rounds_wake(), so that it waits for its turn.
 */
int rounds_report(struct rounds *r, uint32_t id, uint64_t used_ns, bool ready, uint64_t now_ns);
/* A slot starts now: who runs. */
void rounds_next(struct rounds *r, uint64_t now_ns, struct slot_set *out);

/* 0 or -ENOENT. O(1). Entitlement as of the last call that passed a time. */
int rounds_info(const struct rounds *r, uint32_t id, struct rounds_vm *out);
void rounds_stats(const struct rounds *r, struct rounds_stats *out);
