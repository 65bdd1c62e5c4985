/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Backpressure: the send buffer of a tap that somebody else's process has open.
 * A descriptor is borrowed with pidfd_getfd(2) for the length of one call and never kept: a held
 * descriptor would keep a dead VM's tap alive.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel gives a tap whose opener did not ask for less. */
#define TAP_SNDBUF_UNLIMITED INT32_MAX

struct tap_ref {
	pid_t pid;            /* a process that has the tap open */
	uint64_t start_time;  /* its start time, /proc/PID/stat field 22: tells a reused pid */
	char name[IFNAMSIZ];  /* the tap's name in this network namespace */
};

/*
 * Read the send buffer, bytes of truesize (TUNGETSNDBUF); the largest where queues differ, so that a queue
 * attached later, and not yet limited, shows. 0, -ESRCH if the process is gone (or its pid reused), -ENODEV
 * if it has no descriptor of that tap in this network namespace, -EPERM, ...
 */
int tap_get_sndbuf(const struct tap_ref *t, int *bytes);
/*
 * Set it on all attached queues and read it back: -EIO where another value is read, -EINVAL if bytes <= 0.
 * *before, if given, is what tap_get_sndbuf() would have said.
 */
int tap_set_sndbuf(const struct tap_ref *t, int bytes, int *before);
