/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A process by pid and start time: together they name one process for as long as the host runs, while a pid
 * alone may be another process's by now. Whoever uses a pid that was read earlier checks it here: before the
 * use, and, where the kernel takes nothing but the number (cgroup.procs), after it again. If the process was
 * there both times, it was there in between.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	uint64_t start_time; /* /proc/PID/stat field 22, clock ticks since boot */
};

/*
 * Whether the process is still there; one that has ended and was not waited for is. root: "/proc", or a
 * test's tree that looks like it. 0; -ESRCH: it is gone, or the pid is another's; or negative errno.
 */
int process_check(const char *root, const struct process *p);

/*
 * Open a process of this machine: *pidfd, and *procdir of /proc/PID (O_PATH). Both name this process and no
 * later one of its pid, and are the caller's to close. Fails like process_check(), with outputs untouched.
 */
int process_open(const struct process *p, int *pidfd, int *procdir);

/* Whether the process of a pidfd has not ended. */
bool process_lives(int pidfd);
