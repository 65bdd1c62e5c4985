/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* vhost-net as /proc shows it: who has it open, and the kernel's threads that send for it. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How many descriptors of /dev/vhost-net a process has open; a VMM has one for each queue that the kernel's vhost
 * worker serves. procdir: from procfs_open(). 0 or more; negative errno.
 */
int vhost_net_count(int procdir);

/*
 * A worker of vhost that is a kernel thread, as before Linux 6.4: /proc/PID/comm is "vhost-" and the number of the thread
 * that has opened the device (drivers/vhost/vhost.c, vhost_worker_create()). From 6.4 on it is a thread of that
 * process, and stops with it.
 */
struct vhost_kthread {
	pid_t owner;         /* the process that has opened the device; the thread, where that has ended since */
	pid_t pid;           /* of the worker */
	uint64_t start_time; /* of the worker, clock ticks since boot */
};

/* All of them, sorted by owner; *list is the caller's to free. root: "/proc". O(processes). 0 or negative errno. */
int vhost_kthreads(const char *root, struct vhost_kthread **list, size_t *n);
/* CPU time that one has used, nanoseconds, in steps of a clock tick. 0; -ESRCH: it has ended; ... */
int vhost_kthread_cpu(const char *root, const struct vhost_kthread *k, uint64_t *ns);
