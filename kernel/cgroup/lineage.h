/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Processes as /proc of a cgroup_host tells of them: whether one is still there, and whose child it is. */

#include "cgroup.h"
#include "kernel/proc/process.h"

/* Whether the process is still there. 0; -ESRCH: it is gone, or the pid is another's; or negative errno. */
int lineage_check(const struct cgroup_host *h, const struct process *p);
/* The pid of this process. */
pid_t lineage_self(const struct cgroup_host *h);
/* Whether pid is ancestor, or descends from it. O(depth). */
bool lineage_descends(const struct cgroup_host *h, pid_t pid, pid_t ancestor);
