/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel's news that a virtual interface uses more queues than before. No netlink message tells that a tap's queue
 * was attached; but the kernel then makes the queue's directory in sysfs, and says so to udev
 * (net/core/net-sysfs.c): "add@/devices/virtual/net/NAME/queues/rx-3". What is not of this kind is dropped in the
 * kernel, and wakes no one.
 */

/* The name is valid during the call. */
typedef void queuenews_found(const char *name, void *arg);

/*
 * For the interfaces of the network namespace that the caller is in. Returns a nonblocking descriptor, to wait for
 * POLLIN on; or negative errno of socket(2), setsockopt(2) or bind(2).
 */
int queuenews_open(void);
/* All that has come; an interface may be named several times. 0; -ENOBUFS: more came than was kept. */
int queuenews_read(int fd, queuenews_found *found, void *arg);
