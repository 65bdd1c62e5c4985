// SPDX-License-Identifier: GPL-2.0-or-later
#include "file.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>

/* read(2) that is not interrupted. */
static ssize_t read_some(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t file_read(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -errno;
	while (have < size) {
		ssize_t n = read_some(fd, buf + have, size - have);

		if (n < 0)
			return n;
		if (n == 0) {
			buf[have] = '\0';
			return (ssize_t)have;
		}
		have += (size_t)n;
	}
	return -ENOBUFS;
}

ssize_t file_read_alloc(int dirfd, const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	size_t have = 0, room = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		if (room - have < 2) {
			char *more;

			room = room ? room * 2 : 4096;
			more = realloc(buf, room);
			if (!more)
				return -ENOMEM;
			buf = more;
		}
		n = room - have - 1 < max - have ? (ssize_t)(room - have - 1) : (ssize_t)(max - have);
		n = n ? read_some(fd, buf + have, (size_t)n) : 0;
		if (n < 0)
			return n;
		have += (size_t)n;
	} while (n > 0);
	buf[have] = '\0';
	*ret = TAKE_PTR(buf);
	return (ssize_t)have;
}
