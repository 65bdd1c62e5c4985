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
/* Field 22 of dirfd/stat: clock ticks since boot. 0, -ESRCH, or -EBADMSG. */
int procfs_start_time(int dirfd, uint64_t *ticks);
/* A name that is a whole positive number, or 0. */
pid_t procfs_parse_pid(const char *name);

static inline void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}
