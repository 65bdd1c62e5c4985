/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The network namespaces of a container, by what a person can say of it:
 *	"1234"        the pid of one of its processes
 *	"/a.slice/b"  a cgroup: that of its processes, or one above it; as /proc/PID/cgroup has it
 *	"web"         a network namespace of that name (ip netns, podman --network ns:)
 */

#include <stddef.h>

/*
 * Descriptors of all of them, the caller's to close; *fds is the caller's to free. Neither divvyd's own namespace is
 * among them, nor one twice. root: "/proc"; netns: "/run/netns"; or a test's. A cgroup costs a look at every process.
 * 0, also where there is none; or negative errno.
 */
int container_netns(const char *root, const char *netns, const char *selector, int **fds, size_t *n);
/* Close and free them. */
void container_netns_close(int *fds, size_t n);
