/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvyd's side of divvy-guard, the process that lets paused VMs run when divvyd dies. Main thread:
 * everything; slot thread: guard_set() and guard_beat() alone, which are stores to shared memory.
 *
 *	slot = guard_add(g, &gate.undo);
 *	guard_set(g, slot, true);  gate_pause(&gate);
 *	gate_run(&gate);           guard_set(g, slot, false);
 *	gate_close(&gate);         guard_remove(g, slot);
 */

#include "kernel/cgroup/gate.h"

#include <sys/types.h>

struct guard;

/*
 * Connect to the guard at this socket (NULL: GUARD_SOCKET), starting program (NULL: divvy-guard beside
 * divvyd's own file) if nobody listens there. On return the guard has the table. 0 or negative errno.
 */
int guard_open(struct guard **ret, const char *socket_path, const char *program);
/* The guard lets run what is still marked as paused. NULL is fine; returns NULL. */
struct guard *guard_close(struct guard *g);

/* Readable when the guard has died; -1 while there is none. Then call guard_repair(). Borrowed. */
int guard_fd(const struct guard *g);
bool guard_lives(const struct guard *g);
/*
 * If the guard is gone, start and connect again. 0 with a guard; negative errno without: try again later. Let
 * all VMs run before, for it blocks: a millisecond or so, some seconds at worst.
 */
int guard_repair(struct guard *g);
/* Its process, or 0. */
pid_t guard_pid(const struct guard *g);

/* A slot in the table, or -ENOSPC. */
int guard_add(struct guard *g, const struct gate_undo *undo);
/* The VM must be running. */
void guard_remove(struct guard *g, int slot);
/* Before a pause: true. After it runs again: false. */
void guard_set(struct guard *g, int slot, bool paused);
/*
 * VMs are let run also if guard_beat() was not called for so long; 0, and at first: never. 50 ms keep the
 * promise of 100 ms although a killed divvyd may wait for a CPU to die on. A slot must be shorter. A slot
 * thread that wakes up later than this pauses again what should be paused: the guard has let it run.
 */
void guard_set_stall(struct guard *g, uint32_t ms);
/* Sign of life, nanoseconds of CLOCK_MONOTONIC. */
void guard_beat(struct guard *g, uint64_t now_ns);
