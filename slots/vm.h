/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A VM of the CPU slots. One struct holds all that is known of it, and grows with it:
 *
 *	asked for	members.h found it in the model
 *	opened		slot_vm_open(): it has a cgroup, a gate, a clock, and a record at the guard
 *	takes part	slot_thread_add(): it has an id in rounds, runs in turns, and is charged
 *
 * and shrinks in the same steps. Two threads use it: see who may touch what below.
 */

#include "guard.h"
#include "kernel/cgroup/cputime.h"
#include "kernel/cgroup/gate.h"
#include "members.h"
#include "status.h"

/* How a VM runs, and what it was charged. Zero when it is opened. */
struct slot_run {
	bool paused;       /* its gate is closed */
	bool idle;         /* it runs outside turns: see idle.h */
	bool lost;         /* its cgroup or its process is gone; the main thread looks for it again */
	int thaw_error;    /* it is paused, and the latest attempt to let it run failed: negative errno; or 0 */
	uint64_t since_ns; /* when it was paused or let run, CLOCK_MONOTONIC */
	uint64_t pauses;
	uint64_t longest_pause_ns; /* of the pauses that have ended */

	/* What its clock of CPU time said, nanoseconds: */
	uint64_t clock_ns; /* when it was charged last */
	uint64_t turn_ns;  /* when its latest turn ended */
	uint64_t look_ns;  /* at the latest look, which may be in the middle of a slot */

	/* What idle.c remembers: */
	uint32_t streak;  /* how many slots in a row it has hardly used; if it is idle: has used */
	bool boosted;     /* a slot was ended for it: its own slot may end early, too */
	bool blocked;     /* it is boosted, and has done what it woke up for */
	uint64_t busy_ns; /* boosted: when a look last saw it use something, CLOCK_MONOTONIC */
};

struct slot_vm {
	/* The main thread's alone. */
	struct member want; /* as it was asked for */
	bool takes_part;
	bool raised;                 /* its part is worth less than a slot of a round: it gets one */
	char why[SLOTS_WHY_SIZE];    /* why it takes no part, or does not run although it takes part; or "" */
	char logged[SLOTS_WHY_SIZE]; /* the why that the log knows */
	bool raised_logged;
	bool thaw_told; /* why says that it cannot be let run */
	bool held_above; /* another program has paused a cgroup above its own, at the latest look */
	bool took_part; /* before a change of the gate that may be taken back */

	/* While it is open. The main thread opens and closes; the slot thread reads and writes the files. */
	struct place place;
	struct gate gate;
	struct cputime clock;
	int guard_slot; /* in the guard's table; -1: none */

	/* While it takes part, under the lock of the slot thread. */
	uint32_t id; /* in rounds */
	struct slot_run run;
};

/* As it was asked for, not open, taking no part. The caller's to free with free(). NULL: out of memory. */
struct slot_vm *slot_vm_new(const struct member *want);

/*
 * Move it into a cgroup of its own, open its gate and its clock, enter it in the guard's table. It goes on
 * running. 0; -ENOSPC: the guard's table is full; or negative errno of kernel/cgroup/. On failure the VM is
 * where it was; *why has the reason, or is untouched.
 */
int slot_vm_open(struct slot_vm *vm, const struct cgroup_host *h, const struct gate_ops *ops, struct guard *g,
		 char why[SLOTS_WHY_SIZE]);
/*
 * Undo slot_vm_open(): the VM runs, in the cgroup that it came from. It must not take part any more. Nothing
 * happens to a VM that is not open. 0; or negative errno: the VM may still be paused, so it stays open, and the
 * guard's record says "paused": call it again.
 */
int slot_vm_close(struct slot_vm *vm, struct guard *g);
/* Close the files of a VM that slot_vm_close() could not let run. The guard's record and the mark stay. */
void slot_vm_abandon(struct slot_vm *vm);
/* Whether it is open: slot_vm_open() succeeded, or slot_vm_close() failed. */
bool slot_vm_is_open(const struct slot_vm *vm);
