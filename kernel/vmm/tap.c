/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"

#include "tunfd.h"

#include "base/cleanup.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What to do with each queue; fd is borrowed for the call. */
typedef int (*queue_cb)(int fd, void *arg);

/*
 * The process behind t, pinned: the start time is read after the pidfd was opened, so that the pid
 * cannot change hands in between.
 */
static int open_process(const struct tap_ref *t, int *pidfd, int *procdir)
{
	_cleanup_close_ int p = -1, d = -1;
	uint64_t start;
	int r;

	p = (int)syscall(SYS_pidfd_open, t->pid, 0);
	if (p < 0)
		/* EINVAL: 0, negative, or a thread's id */
		return errno == EINVAL ? -ESRCH : -errno;
	d = procfs_open(PROCFS_ROOT, t->pid);
	if (d < 0)
		return d;
	r = procfs_start_time(d, &start);
	if (r < 0)
		return r;
	if (start != t->start_time)
		return -ESRCH;
	*pidfd = TAKE_FD(p);
	*procdir = TAKE_FD(d);
	return 0;
}

/*
 * Every queue of the tap that the process has open. Between listing and borrowing, the process may close a
 * descriptor or give its number to another file: such a number is passed over.
 */
static int for_each_queue(const struct tap_ref *t, queue_cb cb, void *arg)
{
	_cleanup_close_ int pidfd = -1, procdir = -1;
	_cleanup_free_ struct tunfd *fds = NULL;
	size_t n, seen = 0;
	int r, err = -ENODEV;

	r = open_process(t, &pidfd, &procdir);
	if (r < 0)
		return r;
	r = tunfd_list(procdir, &fds, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;

		if (strncmp(fds[i].name, t->name, IFNAMSIZ))
			continue;
		fd = tunfd_borrow(pidfd, fds[i].fd);
		if (fd < 0) {
			if (fd != -EBADF)
				err = fd;
			continue;
		}
		if (!tunfd_is(fd, t->name))
			continue;
		r = cb(fd, arg);
		if (r == -EBADFD || r == -ENODEV) /* detached, or deleted, meanwhile */
			continue;
		if (r < 0)
			return r;
		seen++;
	}
	return seen ? 0 : err;
}

/* The largest: a queue that was attached later and is still unlimited shows. */
static int get_queue(int fd, void *arg)
{
	int v, *largest = arg;

	if (ioctl(fd, TUNGETSNDBUF, &v) < 0)
		return -errno;
	if (v > *largest)
		*largest = v;
	return 0;
}

struct setting {
	int want;
	bool same; /* on all queues */
};

static int set_queue(int fd, void *arg)
{
	struct setting *s = arg;

	/* each call sets all attached queues (drivers/net/tun.c); one attached since is reached by its own */
	return ioctl(fd, TUNSETSNDBUF, &s->want) < 0 ? -errno : 0;
}

static int check_queue(int fd, void *arg)
{
	struct setting *s = arg;
	int v;

	if (ioctl(fd, TUNGETSNDBUF, &v) < 0)
		return -errno;
	if (v != s->want)
		s->same = false;
	return 0;
}

int tap_get_sndbuf(const struct tap_ref *t, int *bytes)
{
	int largest = 0, r;

	r = for_each_queue(t, get_queue, &largest);
	if (r == 0)
		*bytes = largest;
	return r;
}

int tap_set_sndbuf(const struct tap_ref *t, int bytes, int *before)
{
	struct setting s = { .want = bytes, .same = true };
	int was = 0, r;

	if (bytes <= 0)
		return -EINVAL;
	r = for_each_queue(t, get_queue, &was);
	if (r == 0)
		r = for_each_queue(t, set_queue, &s);
	if (r == 0)
		r = for_each_queue(t, check_queue, &s);
	if (r < 0)
		return r;
	if (!s.same)
		return -EIO;
	if (before)
		*before = was;
	return 0;
}
