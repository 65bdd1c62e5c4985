/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A lock that a process holds while it lives, in a file that is gone when it is not held. The file holds the owner's
 * pid. A holder that was killed leaves its file; the next one takes it over, and lockfile_sweep() removes it.
 */

#include <sys/types.h>

/*
 * Takes the lock of this file, of which path lies in a directory that only this user may write. Returns a descriptor;
 * -EWOULDBLOCK: another process holds it (*holder is its pid, or 0), or a child of it does; or another negative errno
 * of open(2) or flock(2). holder may be NULL.
 */
int lockfile_take(const char *path, pid_t *holder);
/* Removes the file, and gives the lock up. path is that of lockfile_take(). fd: -1 is fine. */
void lockfile_drop(const char *path, int fd);
/* Removes the files of this directory, with this prefix and suffix, that no process holds. Returns how many. */
int lockfile_sweep(const char *dir, const char *prefix, const char *suffix);
