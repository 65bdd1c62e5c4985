/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The VMs of the CPU slots: who comes, who leaves, and by which gate they are paused. It brings what is there
 * to what is wanted; a step that fails leaves the others as they were.
 */

#include "stuck.h"
#include "thread.h"

struct roster {
	struct cgroup_host host;
	struct schedule schedule;
	const struct gate_ops *gate;
	struct guard *guard;        /* borrowed */
	struct slot_thread *thread; /* borrowed */
	struct slot_vm **vms;       /* all that were asked for, sorted by pid; both are owned */
	size_t n_vms;
	struct stuck stuck; /* VMs that left, and still have to be let run */
};

/* Every VM leaves, runs, and is where it came from. One that cannot be let run is logged, and left to the guard. */
void roster_close(struct roster *r);

/* want is sorted by pid. 0; -ENOMEM: nothing has changed. */
int roster_update(struct roster *r, const struct member *want, size_t n);
/*
 * Another schedule. Every VM that takes part changes to another gate, or none does. 0; -EBUSY: a VM cannot
 * have this gate, or cannot be let run; or as fit_check() and slot_thread_configure(). On failure why is a line
 * for a person, and the former schedule goes on.
 */
int roster_configure(struct roster *r, const struct schedule *schedule, char why[SLOTS_WHY_SIZE]);

/* One of r->vms, out of its former place, takes part from now on; if it cannot, its why says so. */
void roster_admit(struct roster *r, struct slot_vm *vm);
/* Say in its why that the VM is paused although it should run. err: negative errno of letting it run. */
void roster_cannot_be_let_run(struct slot_vm *vm, int err);
