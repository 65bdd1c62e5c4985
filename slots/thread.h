/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The slot thread: at each slot's start it reads the clocks of the VMs that ran, asks core/slots/rounds.h
 * who runs now, closes and opens gates.
 *
 * Theory of Operation
 *
 * Deadlines are absolute (t0 + n * slot), so lateness never adds up. A wake-up that is late shortens its
 * slot; where a whole slot has passed, it is skipped and counted. Gates of those that leave are closed before
 * those of the next are opened: never more than `lanes` VMs run, but for idle ones.
 *
 * Idle VMs. Under a work-conserving policy a VM that used less than IDLE_PERMILLE of STREAK_SLOTS slots in a
 * row is idle: it gives up its slots and is left running, because a paused VM could not show that it wakes
 * up. A short burst of work (an answer to a ping) it so does at once, and takes no slot for it. Each slot its
 * clock is read; when it used more than that in STREAK_SLOTS slots in a row, or more than its share unnoticed
 * (core/slots/rounds.h), it is taken to be awake: it waits for its turn, paused. Under a policy with pauses_idle (the
 * paper's), or where slots are a VM's own (strict), nobody runs outside its slot.
 *
 * A policy that preempts (boost) ends the slot for a VM that wakes up: the clocks of idle VMs are read every
 * WATCH_NS then (more than WATCH_VMS less often), and one that has worked in this slot and still does is awake;
 * where it has no right to go first it is paused. The slot that begins early has its full length, and deadlines
 * count from there; but it ends when that VM blocks again. (A slot that did not begin so is never ended for a VM
 * that does nothing: it may wait for the network, which its slot is for.)
 *
 * The guard (guard.h) knows of a pause before it begins and until it has ended. If the thread was silent for
 * so long that the guard took it for dead and let all VMs run, it pauses again those that should be.
 *
 * Locking. The thread and the main thread share everything in here under one priority-inheriting mutex, which
 * the thread gives up while it sleeps; the main thread opens and closes files outside of it.
 */

#include "slots.h"
#include "guard.h"
#include "kernel/cgroup/cputime.h"
#include "kernel/cgroup/gate.h"

#include <pthread.h>

struct cpu_vm {
	pid_t pid;
	uint64_t start_time;
	struct part part;
	uint32_t id; /* in rounds */
	struct place place;
	struct gate gate;
	int guard_slot; /* in the guard's table */
	struct cputime clock;
	uint64_t turn_ns;  /* at the end of its latest turn, as far as it was read then */
	uint64_t clock_ns; /* at the latest reading */
	uint64_t look_ns;  /* at the latest look, which may be in the middle of a slot */
	uint64_t busy_ns;  /* the latest look at which a boosted VM had used something */
	bool boosted;      /* a slot was ended for it: its own may end early, too */
	bool blocked;      /* and so it does */
	uint32_t streak;   /* of its latest slots, in a row: hardly used; of an idle VM: used */
	bool paused, idle, lost; /* lost: cgroup or process vanished; the main thread removes it */
	uint64_t since_ns;       /* paused or let run at */
	uint64_t pauses, longest_pause_ns;
};

struct slot_thread {
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t hurried;
	bool hurry; /* the slot under way ends now */
	bool stop;
	bool open; /* there is no guard: every VM runs until there is one */
	struct guard *guard; /* borrowed */
	uint64_t beat_ns, stall_ns; /* the guard lets all run if it has seen no beat for stall_ns */
	struct rounds *rounds; /* owned */
	struct cpu_vm **vm;    /* by id in rounds, NULL: none; the array is owned, the VMs are cpu.c's */
	uint32_t n_vm;
	uint32_t *running; /* ids, room for ROUNDS_LANES_MAX; owned */
	uint32_t n_running;
	uint32_t *idle; /* ids of VMs that run outside a turn; room for n_vm + ROUNDS_LANES_MAX; owned */
	uint32_t n_idle;
	uint64_t slot_ns;
	uint64_t tick_ns; /* a clock of CPU time may be so far behind while its VM runs */
	bool pauses_idle; /* see core/slots/policy.h; or strict */
	bool preempts;   /* the policy may end a slot for a VM that wakes up */
	bool slot_short; /* the present slot began late or was ended early */
	struct cpu_turn *turns; /* ring of CPU_TURNS; owned */
	uint64_t n_turns;
	struct cpu_status stats;
};

/* 0 or negative errno. rounds is taken over on success; guard is borrowed until slot_thread_stop(). */
int slot_thread_start(struct slot_thread *t, struct rounds *rounds, struct guard *guard,
		      const struct schedule *s);
/* Under the lock: another length of slot, or policy; rounds was told already. The slot under way ends. */
void slot_thread_configure(struct slot_thread *t, const struct schedule *s);
/*
 * Under the lock: there is no guard, so that every VM is let run at once and goes on running, or there is one
 * again. What VMs used meanwhile is charged to none.
 */
void slot_thread_open(struct slot_thread *t, bool open);
/* Under the lock: closes its gate, if it is open; what it ran is a turn of its. */
void slot_thread_pause(struct slot_thread *t, struct cpu_vm *vm, uint64_t now);
/* At once; every VM that is left runs. */
void slot_thread_stop(struct slot_thread *t);
/* Under the lock: a VM that was added to rounds, or is about to be removed from it. Adding pauses it. */
int slot_thread_add(struct slot_thread *t, struct cpu_vm *vm);
void slot_thread_remove(struct slot_thread *t, struct cpu_vm *vm);
