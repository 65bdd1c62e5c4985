/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The slot thread. At the start of each slot it reads the clocks of the VMs that ran, asks
 * core/slots/rounds.h which VMs run now, closes the gates of the others, and opens those of the VMs whose
 * turn it is.
 *
 * Theory of Operation
 *
 * Time. Deadlines are absolute (t0 + n * slot), so lateness does not add up. A late wake-up shortens its
 * slot. Where a whole slot has passed, the thread skips it and counts it. A slot that begins early (for a VM
 * that wakes up under policy boost, or because the schedule changed) has its full length, and deadlines count
 * from there.
 *
 * Gates. The thread closes the gates of the VMs that leave before it opens those of the next ones. So never
 * more than `lanes` VMs run, idle ones aside; idle.h says which VMs those are, and how they are watched.
 *
 * The guard knows of each pause before it begins and until it has ended (turn.h). The thread beats once a
 * slot. If it was silent for so long that the guard took it for dead and let all VMs run, it pauses again
 * those that should be paused. While there is no guard, no VM is paused.
 *
 * Locking. The thread and the main thread share all that is in struct slot_thread, and each VM's id and run,
 * under one priority-inheriting mutex. The thread gives it up while it sleeps. The main thread holds it for a
 * short time only, and opens and closes files without it.
 */

#include "idle.h"

#include <pthread.h>

struct slot_thread {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t hurried;
	bool hurry; /* the slot under way ends now */
	bool stop;
	bool unguarded; /* there is no guard: every VM runs until there is one */
	uint64_t slot_ns;
	bool slot_short;       /* the slot under way began late or was ended early */
	uint64_t beat_ns;      /* the latest beat, CLOCK_MONOTONIC; 0: none yet */
	uint64_t stall_ns;     /* the guard lets all VMs run if it has seen no beat for so long */
	struct guard *guard;   /* borrowed */
	struct rounds *rounds; /* owned */
	struct slot_table table;
	struct turns turns;
	struct idle idle;
	struct slots_status stats; /* without the sums over VMs */
};

/* None of these functions is called with the lock held. */

/* 0 or negative errno. guard is borrowed until slot_thread_stop(). */
int slot_thread_start(struct slot_thread *t, struct guard *guard, const struct schedule *s);
/* At once: every VM that is left runs, and the thread has ended. */
void slot_thread_stop(struct slot_thread *t);
/*
 * Another policy, slot, slots, lanes or burst. VMs and accounts stay, the slot under way ends. 0; -EINVAL or
 * -ENOMEM: nothing has changed.
 */
int slot_thread_configure(struct slot_thread *t, const struct schedule *s);
/*
 * guarded false: there is no guard, so that every VM runs at once and goes on running. true: there is one
 * again. What the VMs used meanwhile is charged to none of them.
 */
void slot_thread_set_guarded(struct slot_thread *t, bool guarded);

/*
 * The VM, which is open and runs, takes part from now on: it has an id, and is paused until its turn. It is
 * borrowed until slot_thread_remove(). 0; -EINVAL: its part; -E2BIG: too many VMs; -ENOMEM.
 */
int slot_thread_add(struct slot_thread *t, struct slot_vm *vm);
/* The VM takes part no more, and runs. If it had the slot under way, that ends. */
void slot_thread_remove(struct slot_thread *t, struct slot_vm *vm);
/*
 * Try again to let a VM run that should run now and could not. 0: it runs, or is paused as it should be; or
 * negative errno: the latest attempt failed.
 */
int slot_thread_let_run(struct slot_thread *t, struct slot_vm *vm);
/* vm->want.part has changed: it counts from the next slot on. */
void slot_thread_set_part(struct slot_thread *t, const struct slot_vm *vm);
