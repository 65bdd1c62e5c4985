/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The lab's waiting: one poll(2) loop, in the main thread. Guests' agents, servers' output and all other
 * descriptors that are added are served while the lab waits for anything. No callback may wait itself.
 */

#include "proc.h"

/* Called when fd can be read, has hung up or failed: read what is there, and loop_del() it at end of file. */
typedef void (*loop_cb)(int fd, void *arg);

/* The descriptor stays the caller's and should be non-blocking. 0, -EEXIST, -ENOMEM. */
int loop_add(int fd, loop_cb cb, void *arg);
/* May be called from a callback, also its own. Unknown descriptors are ignored. */
void loop_del(int fd);

/* Serve until the deadline, clock_now_ns(). 0 at the deadline; -EINTR if a signal asked the lab to stop. */
int loop_until(uint64_t deadline_ns);
/*
 * Serve until done(arg) is not 0 (asked before, and after each event, at least every 20 ms): returns its
 * value if that is negative, else 0. -ETIMEDOUT at the deadline, -EINTR.
 */
int loop_while(int (*done)(void *arg), void *arg, uint64_t deadline_ns);
