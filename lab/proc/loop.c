/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct watch {
	int fd; /* -1: deleted, to be dropped when no callback is under way */
	loop_cb cb;
	void *arg;
};

static struct watch *watches;
static size_t n_watches;

int loop_add(int fd, loop_cb cb, void *arg)
{
	for (size_t i = 0; i < n_watches; i++)
		if (watches[i].fd == fd)
			return -EEXIST;
	if (array_reserve(&watches, n_watches, sizeof(*watches)) < 0)
		return -ENOMEM;
	watches[n_watches++] = (struct watch){ .fd = fd, .cb = cb, .arg = arg };
	return 0;
}

void loop_del(int fd)
{
	for (size_t i = 0; i < n_watches; i++)
		if (watches[i].fd == fd)
			watches[i].fd = -1;
}

static void drop_deleted(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_watches; i++)
		if (watches[i].fd >= 0)
			watches[kept++] = watches[i];
	n_watches = kept;
}

/* The watch at i may have been deleted, and its number taken by a new one behind, since poll(2) returned. */
static void dispatch(const struct pollfd *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].revents && watches[i].fd == p[i].fd)
			watches[i].cb(p[i].fd, watches[i].arg);
}

/* Wait for one round of events, until the deadline at most. */
static int round_until(uint64_t deadline_ns)
{
	_cleanup_free_ struct pollfd *p = NULL;
	uint64_t now = clock_now_ns();
	struct timespec left = { 0 };
	size_t n;
	int r;

	drop_deleted();
	n = n_watches;
	p = calloc(n + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
	p[n] = (struct pollfd){ .fd = proc_signal_fd(), .events = POLLIN };
	if (deadline_ns > now) {
		left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
		left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
	}
	r = ppoll(p, n + 1, &left, NULL);
	if (r < 0 && errno != EINTR)
		return -errno;
	if (r > 0)
		dispatch(p, n);
	return proc_interrupted() ? -EINTR : 0;
}

int loop_until(uint64_t deadline_ns)
{
	do {
		int r = round_until(deadline_ns);

		if (r < 0)
			return r;
	} while (clock_now_ns() < deadline_ns);
	return 0;
}

int loop_while(int (*done)(void *arg), void *arg, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = clock_now_ns(), step = now + 20000000;
		int r = done(arg);

		if (r != 0)
			return r < 0 ? r : 0;
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		r = round_until(step < deadline_ns ? step : deadline_ns);
		if (r < 0)
			return r;
	}
}
