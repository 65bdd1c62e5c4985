/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which descriptors of a process are taps' queues: /proc/PID/fd and the iff: line of fdinfo. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tunfd {
	int fd;              /* its number in that process */
	char name[IFNAMSIZ]; /* of the interface, in whichever network namespace that is */
};

/*
 * All descriptors of attached queues, in the order of their numbers; *fds is the caller's to free. procdir:
 * from procfs_open(). 0 with *n == 0 if it has none; -ESRCH, -EACCES, ...
 */
int tunfd_list(int procdir, struct tunfd **fds, size_t *n);

/* A duplicate of a process's descriptor, the caller's to close at once; -EPERM, -EBADF, -ESRCH. */
int tunfd_borrow(int pidfd, int fd);

/* Whether our descriptor is a queue of that tap in this thread's network namespace. */
bool tunfd_is(int fd, const char *name);
