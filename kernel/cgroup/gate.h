/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A gate lets a VM run or pauses it. Descriptors stay open, so that either is one write(2): a slot
 * thread does it hundreds of times a second.
 *
 *	          pause()                    the last task stopped
 *	RUNNING ----------> PAUSING ------------------------------> PAUSED
 *	   ^ <---------------- run() ---------------------------------|
 *	HELD: somebody else paused it, or a cgroup above it; run() succeeds, yet it does not run.
 *
 * Kernels before 6.13 keep a VM with KVM in PAUSING: a kernel thread in its cgroup is never counted as
 * stopped. Its vCPUs stop all the same.
 */

#include "gate_types.h"
#include "place.h"

/* Never NULL. */
const struct gate_ops *gate_of(enum gate_kind kind);
extern const struct gate_ops *const gate_table[]; /* NULL-terminated */

/*
 * Open a gate on a place that was entered; the VM keeps running. The cgroup is marked, so that gate_recover()
 * finds it after a crash. 0; -EBUSY if somebody else has paused it; -ENODEV if it vanished; -EOPNOTSUPP if
 * this host lacks what the gate needs; ... why is filled on failure.
 */
int gate_open(struct gate *g, const struct gate_ops *ops, const struct place *p, char why[PLACE_WHY_SIZE]);
/* Marks a cgroup that a gate is open on: what undoes a pause, "file value". */
#define GATE_XATTR_UNDO "trusted.divvy.undo"

/* 0, -ENODEV if the cgroup is gone (the VM with it), or another negative errno. */
int gate_pause(struct gate *g);
int gate_run(struct gate *g);
int gate_state(struct gate *g, enum gate_state *out);
/*
 * Quota only, instead of pause() and run(), never mixed with them: at most run_ns of CPU time in each
 * period_ns, saving up to burst_ns of what it left (where the kernel has bursts, 5.14). -EOPNOTSUPP for other
 * gates.
 */
int gate_allot(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns);
/* Lets the VM run, gives the cgroup's settings back as they were, closes. A zeroed or closed gate is fine. */
void gate_close(struct gate *g);

/*
 * After a crash of divvyd and its guard: every cgroup that a gate was open on runs again, with its settings
 * as they were; not where another process that opened it still lives. A failure at one leaves out no other.
 * Returns how many had been paused, or negative errno.
 */
int gate_recover(const struct cgroup_host *h);
/* The same for one cgroup and those below it. */
int gate_recover_below(const char *dir);
