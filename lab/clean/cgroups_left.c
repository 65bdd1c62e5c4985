/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Control groups that a lab left behind which was killed: for the janitor, and `divvy-lab clean`. */

#include "cgroups_left.h"

#include "base/cleanup.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/proc/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* "dvl<pid>-something" names a run; else 0. */
static pid_t run_of(const char *name)
{
	char *end;
	long pid;

	if (strncmp(name, "dvl", 3) != 0 || name[3] < '1' || name[3] > '9')
		return 0;
	pid = strtol(name + 3, &end, 10);
	return *end == '-' && pid > 0 && pid < 1 << 22 ? (pid_t)pid : 0;
}

bool is_left(const char *name, pid_t run)
{
	pid_t pid = run_of(name);

	return pid != 0 && (run != 0 ? pid == run : !alive(pid));
}

/* What was in it has been killed just now, perhaps, and is going: a second at most. */
static bool remove_group(const char *path)
{
	for (int round = 0; round < 100; round++) {
		if (rmdir(path) == 0)
			return true;
		if (errno != EBUSY)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return false;
}

static int clean_tree(const char *root, pid_t run)
{
	_cleanup_(closedirp) DIR *dir = opendir(root);
	const struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir))) {
		char path[CGROUP_PATH_SIZE + 256];

		if (d->d_type != DT_DIR || !is_left(d->d_name, run))
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, d->d_name);
		n += remove_group(path);
	}
	return n;
}

int cgroups_left_remove(pid_t run)
{
	struct cgroup_host h;
	int n = 0;

	if (cgroup_probe("", &h) < 0)
		return 0;
	if (*h.mount[CGROUP_V2])
		n += clean_tree(h.mount[CGROUP_V2], run);
	if (*h.mount[CGROUP_V1_CPU])
		n += clean_tree(h.mount[CGROUP_V1_CPU], run);
	return n;
}
