/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Backpressure: the send buffer of a tap that another process has open. A descriptor of that process is
 * borrowed with pidfd_getfd(2) for one call and never kept: it would keep a dead VM's tap alive.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel gives a tap whose opener did not ask for less. */
#define TAP_SNDBUF_UNLIMITED INT32_MAX

/*
 * Which taps processes have open, for many calls in a row: of each process it is read once, by the first of them. To
 * read it for each of a process's taps is quadratic. A descriptor that was opened since is not seen, one that was
 * closed or leads elsewhere now is passed over. Zeroed: nothing was read.
 */
struct tap_lists {
	struct tap_list *list; /* sorted by pid; owned */
	size_t n;
};

void tap_lists_free(struct tap_lists *l);

struct tap_ref {
	pid_t pid;            /* a process that has the tap open */
	uint64_t start_time;  /* its start time, /proc/PID/stat field 22: tells a reused pid */
	char name[IFNAMSIZ];  /* the tap's name in this network namespace */
	struct tap_lists *lists; /* borrowed; NULL: each call reads what the process has open */
};

/*
 * Read the send buffer, bytes of truesize (TUNGETSNDBUF). Where queues differ it is the largest of those that are
 * attached: a queue that was attached later, and has no limit yet, shows. Where none is attached, the largest of all.
 * 0; -ESRCH: the process is gone, or another has its pid; -ENODEV: it has no descriptor of that tap in this network
 * namespace; -EPERM; ...
 */
int tap_get_sndbuf(const struct tap_ref *t, int *bytes);
/*
 * Set the send buffer of all attached queues, and read it back. A detached one keeps what it has, and brings it along
 * when it is attached: see tap_count_other(). *before, if it is not NULL: what tap_get_sndbuf() would have said. 0;
 * -EINVAL: bytes is not above 0; -EIO: another value was read; the errors of tap_get_sndbuf().
 */
int tap_set_sndbuf(const struct tap_ref *t, int bytes, int *before);

struct tap_count {
	unsigned int attached, detached;
};

/* How many queues have another send buffer than this. The errors of tap_get_sndbuf(). */
int tap_count_other(const struct tap_ref *t, int bytes, struct tap_count *out);
