/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * CPU scheduling policies: one table, a file per policy, one struct of functions each. A policy decides only
 * who runs next among the VMs that are ready; core/slots/rounds.h keeps the VMs, their credits and their accounts,
 * and is what the daemon talks to. All of it is deterministic: time and observations are arguments.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rounds; /* core/slots/rounds.h; policies see its inside, core/slots/rounds_state.h */
struct rounds_config;

/*
 * A VM is in one of three states towards its policy:
 *
 *	away     blocked, or not there:  join()
 *	ready    waits for a slot:       leave(), or comes out of pick()
 *	running  has the slot:           ran() makes it ready or away
 *
 * pick() is called when none is running. id < the n of the last reserve(). No function fails but those that
 * return int, and these leave everything as it was.
 */
struct policy_ops {
	const char *name;    /* as in the specification */
	const char *summary; /* one line for a person */
	/*
	 * VMs outside their slot are paused even when idle, so that nobody sees them wake up: their user
	 * reports them ready all the time (unless it knows otherwise).
	 */
	bool pauses_idle;
	/* A round ends when pick() finds nobody, rather than after the round's slots. */
	bool ends_rounds;

	int (*init)(const struct rounds_config *c, void **priv); /* *priv is owned; 0 or -ENOMEM */
	void (*fini)(void *priv);
	int (*reserve)(void *priv, uint32_t n); /* 0 or -ENOMEM; n never shrinks */
	void (*added)(struct rounds *r, uint32_t id); /* a new VM, away; or NULL */
	/* Weights changed, VMs were added or removed. None is running. O(n); or NULL. */
	void (*reweigh)(struct rounds *r);
	/* A round began: the ready VMs have new slots. None is running. O(ready); or NULL. */
	void (*round)(struct rounds *r);
	void (*join)(struct rounds *r, uint32_t id);
	void (*leave)(struct rounds *r, uint32_t id);
	/* Up to lanes VMs that were ready, now running, into run[]. Returns how many. */
	uint32_t (*pick)(struct rounds *r, uint64_t now_ns, uint32_t *run);
	/* Its slot is over. elapsed_ns: what the slot lasted. */
	void (*ran)(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready);
	/* About to join, it used so much more than its share outside its turns. NULL: slots count. */
	void (*owe)(struct rounds *r, uint32_t id, uint64_t ns);
	/* It just joined: is that worth ending the current slot? NULL: never. */
	bool (*preempts)(const struct rounds *r, uint32_t id);
	/* The policy's own credit, nanoseconds; NULL: the leaky bucket's is what counts. */
	int64_t (*credit)(const struct rounds *r, uint32_t id);
};

extern const struct policy_ops policy_paper;
extern const struct policy_ops policy_smooth;
extern const struct policy_ops policy_credit;
extern const struct policy_ops policy_boost;
extern const struct policy_ops policy_adrr;

/* The table, NULL behind the last. The first is the default. */
extern const struct policy_ops *const policies[];

/* NULL if there is none of that name. */
const struct policy_ops *policy_find(const char *name);
