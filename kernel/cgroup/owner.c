/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Start time of a process that has not ended; a zombie has. */
static bool read_living(pid_t pid, uint64_t *start)
{
	_cleanup_close_ int procdir = procfs_open(PROCFS_ROOT, pid);
	char stat[2048], *p;

	if (procdir < 0 || file_read(procdir, "stat", stat, sizeof(stat)) < 0)
		return false;
	p = strrchr(stat, ')');
	return p && p[1] && p[2] != 'Z' && p[2] != 'X' && procfs_start_time(procdir, start) == 0;
}

void owner_mark(const char *dir)
{
	char text[64];
	uint64_t start;

	if (!read_living(getpid(), &start))
		return;
	snprintf(text, sizeof(text), "%d %" PRIu64, (int)getpid(), start);
	(void)setxattr(dir, OWNER_XATTR, text, strlen(text), 0);
}

void owner_clear(const char *dir)
{
	(void)removexattr(dir, OWNER_XATTR);
}

bool owner_is_another(const char *dir)
{
	char text[64];
	char *rest, *end;
	uint64_t was, is;
	long pid;
	ssize_t k = getxattr(dir, OWNER_XATTR, text, sizeof(text) - 1);

	if (k <= 0)
		return false;
	text[k] = '\0';
	pid = strtol(text, &rest, 10);
	was = strtoull(rest, &end, 10);
	return rest != text && end != rest && pid != getpid() && read_living((pid_t)pid, &is) && is == was;
}
