// SPDX-License-Identifier: GPL-2.0-or-later
#include "replace.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define ASIDE_MAX 1000

static int write_all(int fd, const char *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	/* Also what a file system tells only when it writes: no space, a broken disk. */
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_beside(const char *path, const void *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* A divvyd that was killed left it, or another program put a link there: not to be written through. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r < 0)
		unlink(path);
	return r;
}

/* Some file systems cannot flush a directory, and need not. */
static int flush_directory(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

int replace_file(const char *dir, const char *name, const void *data, size_t size)
{
	char path[PATH_MAX], beside[PATH_MAX];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
	    (size_t)snprintf(beside, sizeof(beside), "%s/%s.new", dir, name) >= sizeof(beside))
		return -ENAMETOOLONG;
	r = write_beside(beside, data, size);
	if (r < 0)
		return r;
	if (rename(beside, path) < 0) {
		r = -errno;
		unlink(beside);
		return r;
	}
	return flush_directory(dir);
}

int replace_set_aside(const char *dir, const char *name, char *kept, size_t size)
{
	char from[PATH_MAX], to[PATH_MAX];

	if ((size_t)snprintf(from, sizeof(from), "%s/%s", dir, name) >= sizeof(from))
		return -ENAMETOOLONG;
	for (int i = 1; i <= ASIDE_MAX; i++) {
		if ((size_t)snprintf(to, sizeof(to), "%s/%s.bad-%d", dir, name, i) >= sizeof(to))
			return -ENAMETOOLONG;
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
			snprintf(kept, size, "%s", to);
			(void)flush_directory(dir);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}
