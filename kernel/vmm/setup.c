/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By comm, which holds 15 characters. */
static const char *const managers[] = {
	"libvirtd", "virtqemud", "virtchd", /* libvirt, in one process or in several */
	"incusd", "lxd",
};

bool vmm_is_manager(const char *vmm)
{
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
		if (strcmp(vmm, managers[i]) == 0)
			return true;
	return false;
}

/* Seconds since boot; negative: not known. */
static double uptime(int rootdir)
{
	char text[64];
	double seconds;

	if (file_read(rootdir, "uptime", text, sizeof(text)) < 0 || sscanf(text, "%lf", &seconds) != 1)
		return -1;
	return seconds;
}

static bool started_after(const char *root, pid_t pid, double seconds)
{
	_cleanup_close_ int procdir = procfs_open(root, pid);
	uint64_t ticks;

	return procdir >= 0 && procfs_start_time(procdir, &ticks) >= 0 &&
	       (double)ticks / (double)sysconf(_SC_CLK_TCK) > seconds;
}

/* Children are listed by the thread that made them. */
static bool thread_has_child(const char *root, int taskdir, const char *thread, double after)
{
	_cleanup_free_ char *list = NULL;
	char path[64], *at, *rest;

	snprintf(path, sizeof(path), "%.32s/children", thread);
	if (file_read_alloc(taskdir, path, 1U << 16, &list) < 0)
		return false;
	for (at = strtok_r(list, " \n", &rest); at; at = strtok_r(NULL, " \n", &rest))
		if (started_after(root, procfs_parse_pid(at), after))
			return true;
	return false;
}

bool vmm_script_runs(const char *root, pid_t pid, unsigned int seconds)
{
	_cleanup_close_ int rootdir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *tasks = NULL;
	char path[512];
	double now = rootdir < 0 ? -1 : uptime(rootdir);
	struct dirent *e;

	if (now < 0 || (size_t)snprintf(path, sizeof(path), "%s/%d/task", root, (int)pid) >= sizeof(path))
		return false;
	tasks = opendir(path);
	while (tasks && (e = readdir(tasks)))
		if (procfs_parse_pid(e->d_name) &&
		    thread_has_child(root, dirfd(tasks), e->d_name, now - seconds))
			return true;
	return false;
}
