/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Control groups: which hierarchies a host has (v1, v2, or both: "hybrid"), where a process is in them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_SIZE 512

enum cgroup_tree {
	CGROUP_V2,
	CGROUP_V1_FREEZER,
	CGROUP_V1_CPU,
	CGROUP_V1_CPUACCT,
	CGROUP_TREES,
};

struct cgroup_host {
	char prefix[CGROUP_PATH_SIZE]; /* "", or a test's tree: all paths below begin with it */
	char mount[CGROUP_TREES][CGROUP_PATH_SIZE]; /* "": the host has no such hierarchy */
	bool v2_freeze; /* the v2 hierarchy has cgroup.freeze (Linux 5.2) */
	bool v2_cpu;    /* the v2 hierarchy has the cpu controller */
};

/* Read prefix/proc/self/mountinfo. 0; -ENOENT: no hierarchy is mounted; or another negative errno. */
int cgroup_probe(const char *prefix, struct cgroup_host *h);
/* "v1", "v2" or "hybrid". */
const char *cgroup_mode(const struct cgroup_host *h);

/*
 * The directory of a process's cgroup in one hierarchy. 0; -ESRCH: there is no such process; -ENOENT: the
 * host has no such hierarchy; -ENAMETOOLONG.
 */
int cgroup_of(const struct cgroup_host *h, enum cgroup_tree tree, pid_t pid, char dir[CGROUP_PATH_SIZE]);
/* The same for a thread. who: "PID" or "PID/task/TID". */
int cgroup_of_task(const struct cgroup_host *h, enum cgroup_tree tree, const char *who,
		   char dir[CGROUP_PATH_SIZE]);

/*
 * Processes in a cgroup and all below it; *pids is the caller's to free. They are unsorted; none is there
 * twice within one cgroup. 0; -ENODEV, -ENOENT: the cgroup is gone; -EOPNOTSUPP: it is threaded; ...
 */
int cgroup_processes(const char *dir, pid_t **pids, size_t *n);

/* Write a whole value into dir/file. 0; -ENOENT, -ENODEV: the cgroup is gone; or another negative errno. */
int cgroup_write(const char *dir, const char *file, const char *value);

/*
 * Call cb for every cgroup of a hierarchy, parents first. A failure does not end the walk: otherwise a
 * user who may make cgroups could keep the walk from reaching others. 0, or the first failure.
 * -ENAMETOOLONG (some paths were too long to go there) is returned only if there is no other.
 */
typedef int (*cgroup_cb)(const char *dir, void *arg);
int cgroup_walk(const char *dir, cgroup_cb cb, void *arg);
