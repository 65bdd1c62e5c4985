/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which descriptors of a process are taps' queues: /proc/PID/fd and the iff: line of fdinfo. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tunfd {
	int fd;              /* the descriptor's number in its process */
	char name[IFNAMSIZ]; /* the interface's name, in the interface's network namespace */
	/*
	 * The descriptor was open already when the process's program was started (its close-on-exec flag is clear):
	 * the command line may mean it by its number. Descriptors that are passed to a running VMM, for a NIC that is
	 * plugged in, have the flag (QEMU asks recvmsg(2) for it), and may get the number of one
	 * that the VMM has closed since.
	 */
	bool inherited;
};

/*
 * All descriptors of attached queues that a process has open, sorted by number; *fds is the caller's to free.
 * procdir: from procfs_open(). 0; -ESRCH: the process is gone; -EACCES; ...
 */
int tunfd_list(int procdir, struct tunfd **fds, size_t *n);

/*
 * Whether a descriptor is of the device node whose path ends like this. fddir: /proc/PID/fd. Judged by the end of the
 * path: a jailer or a container has the node elsewhere, and stat(2) of every descriptor could hang in a dead network
 * file system.
 */
bool fd_is_of(int fddir, const char *number, const char *path_end);

/*
 * A duplicate of a process's descriptor, the caller's to close at once; -EBADF: the process has closed it;
 * -ESRCH: the process is gone; -EPERM; ...
 */
int tunfd_borrow(int pidfd, int fd);

/*
 * Whether fd, a descriptor of ours, is a queue of the tap of that name in this thread's network namespace: 1, 0, or an
 * error of procfs_own_want().
 */
int tunfd_is(int fd, const char *name);
/*
 * Whether the queue that fd is carries packets, which the VMM switches by TUNSETQUEUE as the guest uses more or fewer
 * queues. A queue that does not still names its interface.
 */
bool tunfd_is_attached(int fd);
