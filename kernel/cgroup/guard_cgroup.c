/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_cgroup.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "/divvy.guard"
/*
 * With CONFIG_RT_GROUP_SCHED a new group of the v1 cpu hierarchy has no realtime, and the guard could not be a realtime
 * process in it (sched_setscheduler(2): EPERM; Documentation/scheduler/sched-rt-group.rst). Microseconds a second.
 */
#define RT_RUNTIME_FILE "cpu.rt_runtime_us"
#define RT_RUNTIME "100000"

static void enter(const char *mount, const char *dir, const char *home)
{
	int r = -ENOENT;

	(void)mount;
	(void)home;
	/* another guard, or divvyd at its start, may be removing it */
	for (int i = 0; i < 100 && (r == -ENOENT || r == -ENODEV); i++) {
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return;
		(void)cgroup_write(dir, RT_RUNTIME_FILE, RT_RUNTIME); /* few kernels have it */
		r = cgroup_write(dir, "cgroup.procs", "0");
	}
	if (r < 0) /* a v1 cpuset without CPUs refuses; such a hierarchy cannot pause the guard either */
		(void)rmdir(dir);
}

/*
 * The root is always there, and home may be gone by now, or be a unit that systemd waits for. But the root of
 * a cgroup namespace may be a group that lends controllers to its children, and takes no process then.
 */
static void leave(const char *mount, const char *dir, const char *home)
{
	if (cgroup_write(mount, "cgroup.procs", "0") < 0 && !strncmp(home, mount, strlen(mount)))
		(void)cgroup_write(home, "cgroup.procs", "0");
	(void)rmdir(dir);
}

static void sweep(const char *mount, const char *dir, const char *home)
{
	(void)mount;
	(void)home;
	(void)rmdir(dir);
}

/* More hierarchies than cgroup_probe() knows, which looks for those that can pause. */
static void each_hierarchy(void (*what)(const char *mount, const char *dir, const char *home),
			   const char *home)
{
	char *root, *mount, *save = NULL;
	_cleanup_free_ char *mounts = NULL;

	if (file_read_alloc(AT_FDCWD, PROCFS_ROOT "/self/mountinfo", INT_MAX, &mounts) < 0)
		return;
	for (char *line = strtok_r(mounts, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char dir[CGROUP_PATH_SIZE + sizeof(NAME)], *rest = line;

		/* id, parent, device, root, mount point */
		for (int field = 0; field < 3; field++)
			strsep(&rest, " ");
		root = strsep(&rest, " ");
		mount = strsep(&rest, " ");
		if (!rest || strcmp(root, "/") || strlen(mount) >= CGROUP_PATH_SIZE || !strstr(rest, "- cgroup"))
			continue;
		snprintf(dir, sizeof(dir), "%s" NAME, mount);
		what(mount, dir, home);
	}
}

void guard_cgroup_enter(char home[CGROUP_PATH_SIZE])
{
	struct cgroup_host h;

	if (cgroup_probe("", &h) < 0 || cgroup_of(&h, CGROUP_V2, getpid(), home) < 0)
		home[0] = '\0';
	each_hierarchy(enter, home);
}

void guard_cgroup_leave(const char *home)
{
	each_hierarchy(leave, home);
}

void guard_cgroup_sweep(void)
{
	each_hierarchy(sweep, "");
}
