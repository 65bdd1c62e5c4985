/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procfs.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int procfs_open(const char *root, pid_t pid)
{
	char path[PATH_MAX];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	if ((size_t)snprintf(path, sizeof(path), "%s/%d", root, (int)pid) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

int procfs_stat(int dirfd, int field, uint64_t *value)
{
	char buf[2048], *p, *end;
	unsigned long long v;
	ssize_t k = file_read(dirfd, "stat", buf, sizeof(buf));

	if (k == -ENOENT)
		return -ESRCH;
	if (k < 0)
		return (int)k;
	/* comm may hold blanks and parentheses: the last ')' ends it, field 3 follows */
	p = strrchr(buf, ')');
	for (int at = 2; p && at < field; at++)
		p = strchr(p + 1, ' ');
	v = p ? strtoull(p, &end, 10) : 0;
	if (!p || end == p)
		return -EBADMSG;
	*value = v;
	return 0;
}

int procfs_start_time(int dirfd, uint64_t *ticks)
{
	return procfs_stat(dirfd, 22, ticks);
}

DIR *procfs_fds(int dirfd, int *err)
{
	int fd = openat(dirfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	*err = dir ? 0 : errno == ENOENT ? -ESRCH : -errno;
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

pid_t procfs_parse_pid(const char *name)
{
	char *end;
	long v;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	errno = 0;
	v = strtol(name, &end, 10);
	return *end || errno || v > INT_MAX ? 0 : (pid_t)v;
}
