/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A gate lets a VM run or pauses it. Its descriptors stay open, so that either is one write(2): the slot
 * thread does it hundreds of times a second.
 *
 *	          pause()                    the last task stopped
 *	RUNNING ----------> PAUSING ------------------------------> PAUSED
 *	   ^ <---------------- run() ---------------------------------|
 *	HELD: another program has paused the VM, or a cgroup above it. run() succeeds, but it does not run.
 *
 * Kernels before 6.13 keep a VM with KVM in PAUSING: they never count a kernel thread in the VM's cgroup
 * as stopped. The vCPUs stop all the same. For the same reason a cgroup above that another program has paused may
 * not show in the VM's: gate_held_above() looks there.
 */

#include "gate_types.h"
#include "place.h"

/* The gate of a kind; never NULL. */
const struct gate_ops *gate_of(enum gate_kind kind);
extern const struct gate_ops *const gate_table[]; /* NULL-terminated */

/*
 * Open a gate on a place that was entered; the VM keeps running. The cgroup is marked, so that gate_recover()
 * finds it after a crash. 0; -EBUSY: another program has paused the VM; -ENODEV: the cgroup is gone;
 * -EOPNOTSUPP: this host lacks what the gate needs; ... why is filled on failure.
 */
int gate_open(struct gate *g, const struct gate_ops *ops, const struct place *p, char why[PLACE_WHY_SIZE]);
/* Marks a cgroup that a gate is open on. Its value: what undoes a pause, "file value". */
#define GATE_XATTR_UNDO "trusted.divvy.undo"

/* 0; -ENODEV: the cgroup is gone, and the VM with it; or another negative errno. */
int gate_pause(struct gate *g);
int gate_run(struct gate *g);
int gate_state(struct gate *g, enum gate_state *out);
/*
 * Whether a cgroup above the gate's is paused, by what was asked of it. Reads a file of each, and nothing of the gate
 * but its place. False also where that cannot be read, and for a gate that no cgroup above pauses.
 */
bool gate_held_above(const struct gate *g);
/*
 * Only for the quota gate, and never mixed with gate_pause() and gate_run(): at most run_ns of CPU time
 * in each period_ns; up to burst_ns that the VM left are kept for later (where the kernel has bursts,
 * 5.14). 0; -EOPNOTSUPP: another gate; or negative errno as above.
 */
int gate_allot(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns);
/*
 * Let the VM run, give the cgroup its former settings back, close. g may be zeroed, or closed already. 0, also
 * where the cgroup is gone; or negative errno: the VM may still be paused, and the gate and its mark stay: call
 * it again.
 */
int gate_close(struct gate *g);
/* Close the descriptors of a gate that gate_close() could not undo. Its mark stays, for gate_recover(). */
void gate_abandon(struct gate *g);

/*
 * After a crash of divvyd and its guard: let every VM run that a gate was open on, with the cgroup's
 * settings as they were. Cgroups that another living process holds are left alone. A failure at one
 * cgroup does not keep the others from running. Returns how many had been paused, or the first negative
 * errno.
 */
int gate_recover(const struct cgroup_host *h);
/* The same for one cgroup and those below it. */
int gate_recover_below(const char *dir);
