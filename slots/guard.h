/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvyd's side of divvy-guard, the process that lets paused VMs run when divvyd dies. The two share a table
 * (guard/abi.h) with a record for each VM. All functions are the main thread's; the slot thread may call
 * guard_set() and guard_beat(), which only store to shared memory.
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
 * Connect to the guard at this socket (NULL: GUARD_SOCKET). If no guard listens there, start one from this
 * program (NULL: divvy-guard in the directory of divvyd's own file). On success the guard has the table. 0;
 * -ENAMETOOLONG: the socket's or the program's path; -ECHILD: the program failed; -ETIMEDOUT: the guard does
 * not answer; -EPROTO: it is of another version; or another negative errno. *ret is untouched on failure.
 */
int guard_open(struct guard **ret, const char *socket_path, const char *program);
/* The guard lets run each VM whose record still says "paused". g may be NULL. Returns NULL. */
struct guard *guard_close(struct guard *g);

/*
 * A descriptor that becomes readable when the guard dies: then call guard_repair(). -1: there is no guard.
 * Borrowed until guard_repair() or guard_close().
 */
int guard_fd(const struct guard *g);
bool guard_lives(const struct guard *g);
/*
 * If the guard is gone, start it and connect again. Let all VMs run before, for this call blocks: about a
 * millisecond, some seconds at worst. 0: there is a guard. Negative errno as guard_open(): there is none, try
 * again later.
 */
int guard_repair(struct guard *g);
/* The guard's process; 0: there is no guard. */
pid_t guard_pid(const struct guard *g);

/* Enter a VM, which runs, in the table. *undo is copied. Returns its record's number; -ENOSPC: no record. */
int guard_add(struct guard *g, const struct gate_undo *undo);
/* Take a VM, which must run, out of the table. slot: from guard_add(). */
void guard_remove(struct guard *g, int slot);
/* Call it with true before the VM is paused, with false after the VM runs again. */
void guard_set(struct guard *g, int slot, bool paused);
/*
 * How long the guard may see no beat before it lets all VMs run, milliseconds; 0, as at first: for ever. It
 * must be longer than a slot. 50 ms keep the promise of 100 ms, although a killed divvyd may have to wait for
 * a CPU to die on. A slot thread that was silent for longer has to pause its VMs again.
 */
void guard_set_stall(struct guard *g, uint32_t ms);
/* A sign of life at this time, nanoseconds of CLOCK_MONOTONIC. */
void guard_beat(struct guard *g, uint64_t now_ns);
