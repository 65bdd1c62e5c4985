// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include "base/cleanup.h"
#include "procfs.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_procdir(const char *root, const struct process *p)
{
	_cleanup_close_ int dir = procfs_open(root, p->pid);
	uint64_t start;
	int r = dir < 0 ? dir : procfs_start_time(dir, &start);

	if (r < 0)
		return r;
	return start == p->start_time ? TAKE_FD(dir) : -ESRCH;
}

int process_check(const char *root, const struct process *p)
{
	_cleanup_close_ int dir = open_procdir(root, p);

	return dir < 0 ? dir : 0;
}

int process_open(const struct process *p, int *pidfd, int *procdir)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	int dir;

	if (fd < 0)
		/* EINVAL: 0, negative, or a thread's id */
		return errno == EINVAL ? -ESRCH : -errno;
	/* The start time is read after the pidfd was opened: the pid cannot change hands in between. */
	dir = open_procdir(PROCFS_ROOT, p);
	if (dir < 0)
		return dir;
	*pidfd = TAKE_FD(fd);
	*procdir = dir;
	return 0;
}

bool process_lives(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}
