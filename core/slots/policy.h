/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * CPU scheduling policies: one table, with a struct of functions for each policy, which has a file of its
 * own. A policy decides one thing: which of the ready VMs run next. rounds.h keeps the VMs, their credits
 * and their accounts, and is what the daemon calls. All of it is deterministic: time and observations are
 * arguments.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rounds;        /* rounds_state.h: policies see its inside */
struct rounds_config; /* rounds_config.h */

/*
 * For its policy a VM is in one of three states:
 *
 *	away     idle, or new       join() makes it ready
 *	ready    waits for a slot   leave() makes it away, pick() running
 *	running  has a slot         ran() makes it ready or away
 *
 * pick() is called when no VM is running. Every id is less than the n of the last reserve(). Only functions
 * that return int can fail; they return 0 or -ENOMEM, and change nothing if they fail.
 */
struct policy_ops {
	const char *name;    /* as in the specification */
	const char *summary; /* one line for a person */
	/*
	 * The user pauses a VM outside its slot even if it is idle. A paused VM cannot show that it wakes
	 * up, so the user reports VMs as ready all the time, unless it knows better.
	 */
	bool pauses_idle;
	/* A round ends when pick() finds no VM; false: it ends after the round's slots. */
	bool ends_rounds;

	/* *priv: the policy's own state, owned by the caller, who ends it with fini(). */
	int (*init)(const struct rounds_config *c, void **priv);
	void (*fini)(void *priv);
	/* Make room for ids below n. n never shrinks. */
	int (*reserve)(void *priv, uint32_t n);
	/* A VM is new, and away. NULL: no matter. */
	void (*added)(struct rounds *r, uint32_t id);
	/* Weights have changed, or VMs were added or removed. No VM is running. NULL: no matter. O(n). */
	void (*reweigh)(struct rounds *r);
	/* A round has begun: the ready VMs have new slots. No VM is running. NULL: no matter. O(ready). */
	void (*round)(struct rounds *r);
	void (*join)(struct rounds *r, uint32_t id);
	void (*leave)(struct rounds *r, uint32_t id);
	/* run[]: up to `lanes` ready VMs, which are running from now on. Returns how many. */
	uint32_t (*pick)(struct rounds *r, uint64_t now_ns, uint32_t *run);
	/*
	 * The VM's slot is over: the slot lasted elapsed_ns, the VM used used_ns of CPU time, nanoseconds
	 * both. ready: the VM wants to go on.
	 */
	void (*ran)(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready);
	/*
	 * The VM is about to join. While it was away it used ns nanoseconds of CPU time more than its
	 * share. NULL: the policy does not charge CPU time.
	 */
	void (*owe)(struct rounds *r, uint32_t id, uint64_t ns);
	/* The VM has just joined. True: end the current slot for it. NULL: never. */
	bool (*preempts)(const struct rounds *r, uint32_t id);
	/* The policy's own credit of the VM, nanoseconds of CPU time. NULL: it is the leaky bucket's. */
	int64_t (*credit)(const struct rounds *r, uint32_t id);
};

extern const struct policy_ops policy_paper;
extern const struct policy_ops policy_smooth;
extern const struct policy_ops policy_credit;
extern const struct policy_ops policy_boost;
extern const struct policy_ops policy_adrr;

/* The table; NULL ends it. The first policy is the default. */
extern const struct policy_ops *const policies[];

/* NULL: no policy has this name. */
const struct policy_ops *policy_find(const char *name);
