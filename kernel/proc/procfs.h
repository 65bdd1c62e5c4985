/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small files of /proc, or of a test's tree that looks like it. */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCFS_ROOT "/proc"

/* A descriptor of root/PID (O_PATH), the caller's to close; -ESRCH: there is no such process; ... */
int procfs_open(const char *root, pid_t pid);
/*
 * A number of stat, counted from 3, the state, as proc(5) does; of 3 and of negative numbers the value is meaningless.
 * dirfd: from procfs_open(). 0; -ESRCH: the process is gone; -EBADMSG: stat has no such field; ...
 */
int procfs_stat(int dirfd, int field, uint64_t *value);
/*
 * A process's start time, clock ticks since boot (field 22 of stat). dirfd: from procfs_open(). 0;
 * -ESRCH: the process is gone; -EBADMSG: stat has no such field; ...
 */
int procfs_start_time(int dirfd, uint64_t *ticks);
/* The directory of a process's descriptors, the caller's to close; NULL: *err says why, -ESRCH: the process is gone. */
DIR *procfs_fds(int dirfd, int *err);
/*
 * Whether a negative errno is this process's own want of descriptors or memory. What was asked is unknown then; of other
 * errors the process that was asked about is the cause: it is gone, or may not be looked into.
 */
static inline bool procfs_own_want(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

/* The pid that a directory's name is; 0: it is no pid. */
pid_t procfs_parse_pid(const char *name);

static inline void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}
