/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * schedule.resource: cpu. Which VMs take part, each with its cgroup, its gate and its CPU clock; a
 * slot thread (slotthread.h) lets one (or `lanes`) of them run at a time, as core/slots/rounds.h decides.
 */

#include "core/model.h"
#include "core/slots/rounds.h"
#include "kernel/vmm/vmm.h"

struct cpu;

/* A VM that is to take part. */
struct cpu_member {
	pid_t pid;
	uint64_t start_time;
	struct part part;
	char name[VMM_NAME_SIZE]; /* for the cgroup that divvy makes */
};

#define CPU_WHY_SIZE 300

/*
 * Probe the host, start the guard and the slot thread; no VM takes part yet. why: a line for a person on
 * failure. -EINVAL: the schedule asks for what the gate cannot do.
 */
int cpu_open(struct cpu **ret, const struct schedule *s, const char *runtime, char why[CPU_WHY_SIZE]);
/* Every VM runs and is back where it was; the thread and the guard end. NULL is fine; returns NULL. */
struct cpu *cpu_close(struct cpu *c);

/* At divvyd's start: whatever an earlier one (and its guard) left paused or moved runs where it was. */
void cpu_recover(void);

/* Whether this host can do it, changing nothing. 0 or negative errno with why. */
int cpu_check(const struct schedule *s, char why[CPU_WHY_SIZE]);

/* Change policy, slot, lanes and burst under way. A change of the gate needs close and open: -EXDEV. */
int cpu_configure(struct cpu *c, const struct schedule *s, char why[CPU_WHY_SIZE]);

/*
 * These VMs take part from now on, and no others. One that cannot is passed over: cpu_vm_status() says why.
 * Returns how many were passed over, or negative errno.
 */
int cpu_update(struct cpu *c, const struct cpu_member *m, size_t n);

/*
 * Look after the guard, and for VMs that somebody else holds or whose cgroup vanished. Once a second. again:
 * for VMs that were moved to another cgroup, too, and those that could not take part are tried again.
 */
void cpu_audit(struct cpu *c, bool again);

struct cpu_vm_status {
	struct rounds_vm account;
	uint64_t pauses;           /* times paused */
	uint64_t longest_pause_ns;
	bool member;               /* false: it could not take part, why says it */
	char why[CPU_WHY_SIZE];
};
/* 0, or -ENOENT if no such VM was asked for. */
int cpu_vm_status(struct cpu *c, pid_t pid, struct cpu_vm_status *out);

struct cpu_status {
	uint64_t decisions;     /* slots begun */
	uint64_t late_max_ns;   /* latest wake-up after its slot's start */
	uint64_t late_slots;    /* slots begun more than a tenth of a slot late */
	uint64_t early_slots;   /* slots ended early: policy boost */
	uint64_t skipped_slots; /* slots that passed altogether while the thread was not run */
	uint64_t switch_ns;     /* what closing and opening gates takes of a slot; a moving average */
	uint64_t cpu_ns;        /* the slot thread's own CPU time */
	bool realtime;          /* SCHED_FIFO was to be had */
	uint64_t used_total_ns; /* of all members since they joined */
	uint64_t entitled_total_ns;
};
void cpu_status(struct cpu *c, struct cpu_status *out);

/* One VM's turn as it was: from its gate's opening to its closing, CLOCK_MONOTONIC nanoseconds. */
struct cpu_turn {
	uint64_t start_ns, end_ns;
	uint64_t used_ns; /* CPU time in it, as read before it was closed: a tick less or more */
	pid_t pid;
};
/*
 * The latest turns that began at or after since_ns, oldest first, at most CPU_TURNS of them. *turns is the
 * caller's to free.
 */
#define CPU_TURNS 65536
int cpu_turns(struct cpu *c, uint64_t since_ns, struct cpu_turn **turns, size_t *n);
