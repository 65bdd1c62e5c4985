/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * CPU slots in rounds: the paper's scheduler (section III-B) with a policy in its middle.
 *
 * Each VM has a leaky bucket of credit (bucket.h). When a round begins, equation (1) (core/slots.h) turns
 * the credits into slots. The policy (policy.h) says which VM runs next. All of it is pure: no clock, no
 * I/O; the same calls give the same answers.
 *
 * The user makes a schedule and its VMs (rounds_table.h). At every slot boundary it calls
 *
 *	rounds_report(r, id, used_ns, ready, now_ns);  (for each VM of the slot that ends; a VM that the user
 *	                                               leaves out counts as busy)
 *	rounds_next(r, now_ns, &set);                  (the VMs of the set run now, all others pause)
 *
 * Between boundaries it calls rounds_wake() and rounds_block() when it learns that a VM has woken up or
 * gone idle. Slots need not be equally long.
 *
 * Idle VMs. Only a VM that is not paused can show that it is idle, or that it has woken up. While the user
 * does not know what a paused VM wants, it leaves the VM ready and calls nothing. A VM that is known to be
 * idle gives up its slots. Under a strict schedule its slots stay its own, and rounds_block() changes
 * nothing.
 *
 * Costs. rounds_next() is O(log n) for each VM that ran or runs. The first rounds_next() of a round is
 * O(ready VMs), and a round has at least that many slots. The first rounds_next() after a change of parts
 * or membership is O(n). rounds_wake(), rounds_block() and rounds_report() are O(log n).
 */

#include "policy.h"
#include "rounds_table.h"

/* The VMs of a slot. */
struct slot_set {
	const uint32_t *vm; /* ids, all different; borrowed until rounds_next() or rounds_configure() */
	uint32_t n;         /* at most lanes; 0: no VM is ready, or a strict schedule leaves the slot empty */
	bool new_round;
};

/*
 * An idle VM has woken up, and waits for its turn.
 * Returns 0; -ENOENT: no VM has this id; 1: the current slot is to end now, because no VM runs in it or
 * because the policy prefers the VM to those that run. The caller then reports the slot's VMs and calls
 * rounds_next().
 */
int rounds_wake(struct rounds *r, uint32_t id, uint64_t now_ns);

/* A VM has gone idle. If it is running, it keeps its slot first. Returns 0; -ENOENT: no VM has this id. */
int rounds_block(struct rounds *r, uint32_t id, uint64_t now_ns);

/*
 * A VM has used CPU time, used_ns nanoseconds. If the VM is in the current slot, the slot is over for it, and
 * it is ready or idle from now on, as `ready` says. If it is not, it used the time outside its turn: only its
 * account changes.
 * Returns 0; -ENOENT: no VM has this id; 1: the idle VM has used one slot more than its share. The caller
 * then wakes it with rounds_wake(), and it waits for its turn like the others.
 */
int rounds_report(struct rounds *r, uint32_t id, uint64_t used_ns, bool ready, uint64_t now_ns);

/* A slot starts now. *out: the VMs that run in it. */
void rounds_next(struct rounds *r, uint64_t now_ns, struct slot_set *out);
