/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"

#include "tunfd.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* What to do with each queue; fd is borrowed for the call. */
typedef int (*queue_cb)(int fd, void *arg);

/* --- which descriptors ---------------------------------------------------------------------------- */

/* What a process has open, sorted by name and number. */
struct tap_list {
	uint32_t pid; /* first, for byifindex.h */
	uint64_t start_time;
	struct tunfd *fds; /* owned */
	size_t n;
};

void tap_lists_free(struct tap_lists *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].fds);
	free(l->list);
	*l = (struct tap_lists){ 0 };
}

static int compare_name(const void *a, const void *b)
{
	const struct tunfd *x = a, *y = b;
	int r = strncmp(x->name, y->name, IFNAMSIZ);

	return r ? r : (x->fd > y->fd) - (x->fd < y->fd);
}

/* 0, and *out's fds are the caller's to free; the errors of tunfd_list(). */
static int read_list(const struct tap_ref *t, int procdir, struct tap_list *out)
{
	struct tap_list l = { .pid = (uint32_t)t->pid, .start_time = t->start_time };
	int r = tunfd_list(procdir, &l.fds, &l.n);

	if (r < 0)
		return r;
	if (l.n)
		qsort(l.fds, l.n, sizeof(*l.fds), compare_name);
	*out = l;
	return 0;
}

/* The process's list, read if it was not before. NULL: *err says why. Borrowed until the next call. */
static const struct tap_list *list_of(const struct tap_ref *t, int procdir, int *err)
{
	struct tap_lists *all = t->lists;
	struct tap_list *known = byifindex_find(all->list, all->n, sizeof(*known), (uint32_t)t->pid), fresh;

	if (known && known->start_time == t->start_time)
		return known;
	*err = read_list(t, procdir, &fresh);
	if (*err < 0)
		return NULL;
	if (known) { /* of a process that is gone */
		free(known->fds);
		*known = fresh;
		return known;
	}
	*err = byifindex_insert(&all->list, &all->n, sizeof(fresh), &fresh);
	if (*err == 0)
		return byifindex_find(all->list, all->n, sizeof(fresh), fresh.pid);
	free(fresh.fds);
	return NULL;
}

/* The first of the tap's in the list, or where it would be. */
static size_t first_of(const struct tap_list *l, const char *name)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strncmp(l->fds[mid].name, name, IFNAMSIZ) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Between listing and borrowing, the process may close a descriptor or give its number to another file: such a number is
 * passed over.
 */
static int visit(const struct tap_list *l, const char *name, int pidfd, queue_cb cb, void *arg)
{
	int seen = 0, err = -ENODEV;

	for (size_t i = first_of(l, name); i < l->n && strncmp(l->fds[i].name, name, IFNAMSIZ) == 0; i++) {
		_cleanup_close_ int fd = tunfd_borrow(pidfd, l->fds[i].fd);
		int r;

		r = fd < 0 ? fd : tunfd_is(fd, name);
		if (procfs_own_want(r))
			return r;
		if (r < 0 && r != -EBADF)
			err = r;
		if (r <= 0)
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

/* Every queue of the tap that the process has open. */
static int for_each_queue(const struct tap_ref *t, queue_cb cb, void *arg)
{
	_cleanup_close_ int pidfd = -1, procdir = -1;
	const struct process vmm = { .pid = t->pid, .start_time = t->start_time };
	const struct tap_list *l;
	struct tap_list own;
	int r = process_open(&vmm, &pidfd, &procdir);

	if (r < 0)
		return r;
	if (t->lists) {
		l = list_of(t, procdir, &r);
		return l ? visit(l, t->name, pidfd, cb, arg) : r;
	}
	r = read_list(t, procdir, &own);
	if (r < 0)
		return r;
	r = visit(&own, t->name, pidfd, cb, arg);
	free(own.fds);
	return r;
}

/* --- send buffers --------------------------------------------------------------------------------- */

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
