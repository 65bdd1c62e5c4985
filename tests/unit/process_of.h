/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A process of this machine with its start time, as a test has only its pid. */

#include "base/cleanup.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs.h"

/* Of a pid that is in use; else the start time is 0. Borrowed until the next call. */
static inline const struct process *process_of(pid_t pid)
{
	static struct process p;
	_cleanup_close_ int dir = procfs_open(PROCFS_ROOT, pid);

	p = (struct process){ .pid = pid };
	if (dir >= 0)
		(void)procfs_start_time(dir, &p.start_time);
	return &p;
}
