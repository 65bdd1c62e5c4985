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
	int fd;          /* not CPUTIME_PROCESS */
	clockid_t clock; /* CPUTIME_PROCESS */
};

/* The best source for this place. 0 or negative errno. */
int cputime_open(struct cputime *c, const struct cgroup_host *h, const struct place *p);
/*
 * Nanoseconds of CPU time of the VM since an arbitrary start, growing only. Exact some microseconds after
 * it was paused; up to a scheduler tick behind while it runs. 0; -ENODEV or -ESRCH if it is gone.
 */
int cputime_read(const struct cputime *c, uint64_t *ns);
void cputime_close(struct cputime *c);
