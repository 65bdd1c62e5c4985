/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether this host can carry out a schedule of the CPU, and by which hierarchies and gate. */

#include "kernel/cgroup/gate.h"
#include "status.h"

/*
 * Look at the host; nothing is changed. 0, with *h and *gate filled; -EINVAL: the gate cannot hold to such a
 * slot, or there is no such policy; -EOPNOTSUPP: the host lacks what the gate needs; -ENOENT: the host has no
 * cgroups. On failure why is a line for a person.
 */
int fit_check(const struct schedule *s, struct cgroup_host *h, const struct gate_ops **gate,
	      char why[SLOTS_WHY_SIZE]);
