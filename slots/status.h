/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the CPU slots tell of themselves, as plain data. A time is in nanoseconds: of CLOCK_MONOTONIC, or of
 * CPU time where the name says "used" or "entitled". Counters only grow while the slots are open.
 */

#include "core/slots/rounds_table.h"

#include <sys/types.h>

/* A reason for a person, with the final NUL. */
#define SLOTS_WHY_SIZE 300

/* A VM that was asked for. */
struct slots_vm_status {
	pid_t pid;
	bool takes_part;          /* false: it cannot; why has the reason, and what follows is 0 */
	char why[SLOTS_WHY_SIZE]; /* or ""; also if it takes part and another program froze it */
	struct rounds_vm account;
	uint64_t pauses;           /* how often it was paused */
	uint64_t longest_pause_ns; /* the present pause included */
	uint32_t unpaused_workers; /* kernel threads that go on sending for it while it is paused (workers.h) */
	uint64_t unpaused_ns;      /* CPU time that they have used since they were made */
};

/* All slots and all VMs. */
struct slots_status {
	uint64_t decisions;     /* slots begun */
	uint64_t late_max_ns;   /* the latest wake-up of the slot thread after a slot's start */
	uint64_t late_slots;    /* slots that began more than a tenth of a slot late */
	uint64_t early_slots;   /* slots that ended early for a VM that woke up or blocked (policy boost) */
	uint64_t skipped_slots; /* slots that passed before the slot thread got a CPU */
	uint64_t switch_ns;     /* what closing and opening gates takes of a slot; a moving average */
	uint64_t scheduler_cpu_ns;  /* CPU time of the slot thread itself */
	bool realtime;              /* the slot thread runs under SCHED_FIFO */
	uint64_t used_total_ns;     /* sum over the VMs that take part now, each since it joined */
	uint64_t entitled_total_ns; /* the same of their entitlements */
};

/* One turn of a VM: from the opening of its gate to the closing. */
struct slots_turn {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t used_ns;          /* CPU time in it, read before the gate closed: a tick less or more */
	pid_t pid;
};

/* So many turns are kept, the latest ones. */
#define SLOTS_TURNS 65536
