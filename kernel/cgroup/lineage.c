/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lineage.h"

#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where this ends the tree of processes is no tree: it changes while it is read. */
#define DEPTH_MAX 4096

static int read_stat(const struct cgroup_host *h, const char *who, char *text, size_t size)
{
	char path[CGROUP_PATH_SIZE];
	ssize_t k;

	if ((size_t)snprintf(path, sizeof(path), "%s" PROCFS_ROOT "/%s/stat", h->prefix, who) >= sizeof(path))
		return -ENAMETOOLONG;
	k = file_read(AT_FDCWD, path, text, size);
	return k < 0 ? (int)k : 0;
}

/* Field 4 of stat; 0: there is no such process. */
static pid_t parent_of(const struct cgroup_host *h, pid_t pid)
{
	char who[16], text[2048], *p;

	snprintf(who, sizeof(who), "%d", (int)pid);
	if (read_stat(h, who, text, sizeof(text)) < 0)
		return 0;
	p = strrchr(text, ')');
	return p && strlen(p) > strlen(") S ") ? (pid_t)strtol(p + strlen(") S "), NULL, 10) : 0;
}

int lineage_check(const struct cgroup_host *h, const struct process *p)
{
	char proc[CGROUP_PATH_SIZE];

	if ((size_t)snprintf(proc, sizeof(proc), "%s" PROCFS_ROOT, h->prefix) >= sizeof(proc))
		return -ENAMETOOLONG;
	return process_check(proc, p);
}

pid_t lineage_self(const struct cgroup_host *h)
{
	char text[2048];

	return read_stat(h, "self", text, sizeof(text)) < 0 ? getpid() : (pid_t)atoi(text);
}

bool lineage_descends(const struct cgroup_host *h, pid_t pid, pid_t ancestor)
{
	for (int depth = 0; pid > 0 && depth < DEPTH_MAX; depth++) {
		if (pid == ancestor)
			return true;
		pid = parent_of(h, pid);
	}
	return false;
}
