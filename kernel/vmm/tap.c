/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"

#include "tunfd.h"

#include "base/cleanup.h"
#include "kernel/proc/process.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

/* What to do with each queue; fd is borrowed for the call. */
typedef int (*queue_cb)(int fd, void *arg);

/*
 * Every queue of the tap that the process has open. Between listing and borrowing, the process may close a
 * descriptor or give its number to another file: such a number is passed over.
 */
static int for_each_queue(const struct tap_ref *t, queue_cb cb, void *arg)
{
	_cleanup_close_ int pidfd = -1, procdir = -1;
	_cleanup_free_ struct tunfd *fds = NULL;
	const struct process vmm = { .pid = t->pid, .start_time = t->start_time };
	size_t n, seen = 0;
	int r, err = -ENODEV;

	r = process_open(&vmm, &pidfd, &procdir);
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

/* The largest of each kind of queue; 0: there is none. */
struct largest {
	int attached, detached;
};

static int get_queue(int fd, void *arg)
{
	struct largest *l = arg;
	int v, *largest = tunfd_is_attached(fd) ? &l->attached : &l->detached;

	if (ioctl(fd, TUNGETSNDBUF, &v) < 0)
		return -errno;
	if (v > *largest)
		*largest = v;
	return 0;
}

struct setting {
	int want;
	bool same; /* on all attached queues */
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
	if (v != s->want && tunfd_is_attached(fd))
		s->same = false;
	return 0;
}

struct counting {
	int bytes;
	struct tap_count other;
};

static int count_queue(int fd, void *arg)
{
	struct counting *c = arg;
	int v;

	if (ioctl(fd, TUNGETSNDBUF, &v) < 0)
		return -errno;
	if (v == c->bytes)
		return 0;
	if (tunfd_is_attached(fd))
		c->other.attached++;
	else
		c->other.detached++;
	return 0;
}

int tap_get_sndbuf(const struct tap_ref *t, int *bytes)
{
	struct largest l = { 0 };
	int r;

	r = for_each_queue(t, get_queue, &l);
	if (r == 0)
		*bytes = l.attached ? l.attached : l.detached;
	return r;
}

int tap_set_sndbuf(const struct tap_ref *t, int bytes, int *before)
{
	struct setting s = { .want = bytes, .same = true };
	int was = 0, r;

	if (bytes <= 0)
		return -EINVAL;
	r = tap_get_sndbuf(t, &was);
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

int tap_count_other(const struct tap_ref *t, int bytes, struct tap_count *out)
{
	struct counting c = { .bytes = bytes };
	int r = for_each_queue(t, count_queue, &c);

	if (r == 0)
		*out = c.other;
	return r;
}
