/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procfs.h"

#include "base/cleanup.h"

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

ssize_t procfs_read(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -errno;
	while (have < size) {
		ssize_t k = read(fd, buf + have, size - have);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0) {
			buf[have] = '\0';
			return (ssize_t)have;
		}
		have += (size_t)k;
	}
	return -ENOBUFS;
}

ssize_t procfs_read_alloc(int dirfd, const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	size_t have = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t k;

		if (room - have < 2) {
			char *more;

			room = room ? room * 2 : 4096;
			more = realloc(buf, room);
			if (!more)
				return -ENOMEM;
			buf = more;
		}
		k = have < max ? read(fd, buf + have, room - have - 1) : 0;
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		have += (size_t)k;
	}
	buf[have] = '\0';
	*ret = TAKE_PTR(buf);
	return (ssize_t)have;
}

int procfs_start_time(int dirfd, uint64_t *ticks)
{
	char buf[2048], *p;
	unsigned long long v;
	ssize_t k = procfs_read(dirfd, "stat", buf, sizeof(buf));

	if (k == -ENOENT)
		return -ESRCH;
	if (k < 0)
		return (int)k;
	/* comm may hold blanks and parentheses: the last ')' ends it, field 3 follows */
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", &v) != 1)
		return -EBADMSG;
	*ticks = v;
	return 0;
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
