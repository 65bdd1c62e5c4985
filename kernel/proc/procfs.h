/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small files of /proc, and of a test's own tree that looks like it. */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCFS_ROOT "/proc"

/* A descriptor of root/PID (O_PATH), the caller's to close; -ESRCH if there is no such process. */
int procfs_open(const char *root, pid_t pid);
/*
 * A whole small file below dirfd into buf, NUL-terminated. Returns its length; -ENOBUFS if it does not fit,
 * -ESRCH if the process is gone, or another negative errno.
 */
ssize_t procfs_read(int dirfd, const char *path, char *buf, size_t size);
/* The same into memory that the caller frees, at most max bytes (the rest is left out). */
ssize_t procfs_read_alloc(int dirfd, const char *path, size_t max, char **ret);
/* Field 22 of dirfd/stat: clock ticks since boot. 0, -ESRCH, or -EBADMSG. */
int procfs_start_time(int dirfd, uint64_t *ticks);
/* A name that is a whole positive number, or 0. */
pid_t procfs_parse_pid(const char *name);

static inline void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}
