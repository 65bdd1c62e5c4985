/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much CPU time a VM has used, from the kernel. */

#include "place.h"

#include <time.h>

enum cputime_source {
	CPUTIME_V2,      /* cpu.stat of the VM's cgroup, microseconds */
	CPUTIME_CPUACCT, /* cpuacct.usage of the VM's cgroup, v1 */
	CPUTIME_PROCESS, /* the process's CPU clock: without its children and kernel threads */
};

struct cputime {
	enum cputime_source source;
	int fd;          /* the file; of CPUTIME_PROCESS: a pidfd; -1: none */
	clockid_t clock; /* CPUTIME_PROCESS */
};

/* Open the best source that this place has; cputime_close() closes it. 0 or negative errno. */
int cputime_open(struct cputime *c, const struct cgroup_host *h, const struct place *p);
/*
 * CPU time that the VM has used since some fixed moment, nanoseconds; it never falls. It is exact some
 * microseconds after the VM was paused, and up to a scheduler tick behind while the VM runs. 0; -ENODEV,
 * -ESRCH: the VM is gone; ...
 */
int cputime_read(const struct cputime *c, uint64_t *ns);
void cputime_close(struct cputime *c);
