/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * schedule.resource: cpu. Which VMs take part, each with its cgroup, its gate and its CPU clock. A thread
 * lets one VM (or `lanes` of them) run at a time, as core/slots/rounds.h decides; divvy-guard lets all run if
 * divvyd dies. All functions are the main thread's.
 *
 *	slots_recover()     once, at the start of divvyd
 *	slots_prepare()     before a model is taken over; refuses what this host cannot do
 *	slots_apply()       whenever the model or its bindings have changed
 *	slots_audit()       once a second
 *	slots_close()       at the end
 */

#include "core/model.h"
#include "plan/bind.h"
#include "status.h"

struct slots;

/*
 * What an earlier divvyd and its guard have left paused runs again; what they moved is where it was. Logs; where
 * it is tried again, only what runs by now. Not while slots are open. 0; or negative errno: a VM may still be
 * paused, so call it again.
 */
int slots_recover(bool again);

/*
 * Whether this host can carry out a schedule of RESOURCE_CPU. Changes nothing. 0; -EINVAL: the gate cannot
 * hold to such a slot, or there is no such policy; -EOPNOTSUPP: the host lacks what the gate needs; -ENOENT:
 * the host has no cgroups. On failure why is a line for a person.
 */
int slots_check(const struct schedule *s, char why[SLOTS_WHY_SIZE]);
/*
 * Before a model with this schedule, if it is of RESOURCE_CPU, is taken over: open the slots if *slots is
 * NULL, or give the slots that run this schedule. Every VM that takes part changes to another gate, or none does. If
 * the model is not taken over after all, call slots_apply() with the one that runs. runtime: directory of the
 * guard's socket. 0; as slots_check(); -EBUSY: a VM cannot have this gate, or cannot be let run; or negative
 * errno where the guard or the thread cannot be started. On failure the slots go on as they were, and why is a
 * line for a person.
 */
int slots_prepare(struct slots **slots, const struct schedule *s, const char *runtime,
		  char why[SLOTS_WHY_SIZE]);
/*
 * Bring the slots to the model: its schedule, and the VMs behind its devices (members.h), and no others.
 * Closes the slots and sets *slots to NULL if the model does not schedule CPUs. Does nothing if *slots is
 * NULL. bindings: one for each node. What fails is logged; a VM that cannot take part is passed over, and
 * slots_snapshot() says why.
 */
void slots_apply(struct slots **slots, const struct model *m, const struct binding *bindings);
/* Every VM runs, in the cgroup that it came from. The thread and the guard end. s: or NULL. Returns NULL. */
struct slots *slots_close(struct slots *s);

/*
 * Start the guard again if it is gone. Look for VMs whose cgroup has vanished, and for VMs that another
 * program has frozen. again: look for VMs that were moved to another cgroup, too, and try those again that
 * could not take part. Logs each change once. O(VMs).
 */
void slots_audit(struct slots *s, bool again);

/*
 * All there is to tell, read at one moment: the slot thread waits once, for some microseconds. *vms: every VM
 * that was asked for, sorted by pid, n of them; the caller's to free. 0; -ENOMEM: nothing is touched.
 */
int slots_snapshot(struct slots *s, struct slots_status *all, struct slots_vm_status **vms, size_t *n);
/* The VM of this process in such a list. Borrowed; NULL: it was not asked for. O(log n). */
const struct slots_vm_status *slots_vm_status_find(const struct slots_vm_status *vms, size_t n, pid_t pid);
/*
 * The turns that began at or after since_ns (CLOCK_MONOTONIC) and have ended, oldest first; of more than
 * SLOTS_TURNS the latest. *turns is the caller's to free. 0; -ENOMEM: nothing is touched.
 */
int slots_turns(struct slots *s, uint64_t since_ns, struct slots_turn **turns, size_t *n);
