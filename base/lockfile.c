// SPDX-License-Identifier: GPL-2.0-or-later
#include "lockfile.h"

#include "cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* False: the lock that fd has is of a file that its holder has removed meanwhile. */
static bool is_at(int fd, const char *path)
{
	struct stat held, there;

	return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
	       held.st_ino == there.st_ino;
}

/* A descriptor with the lock. flags: further ones of open(2). */
static int lock(const char *path, int flags, pid_t *holder)
{
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
		char pid[16] = "";
		int err;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			err = errno;
			if (holder && pread(fd, pid, sizeof(pid) - 1, 0) >= 0)
				*holder = atoi(pid);
			return -err;
		}
		if (is_at(fd, path))
			return TAKE_FD(fd);
	}
}

int lockfile_take(const char *path, pid_t *holder)
{
	char pid[16];
	int fd, n;

	if (holder)
		*holder = 0;
	fd = lock(path, O_CREAT, holder);
	if (fd < 0)
		return fd;
	/* For people, and for the message of the next one. The lock holds without it. */
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	return fd;
}

void lockfile_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	if (is_at(fd, path))
		unlink(path);
	close(fd);
}

static bool matches(const char *name, const char *prefix, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return strncmp(name, prefix, strlen(prefix)) == 0 && len >= strlen(prefix) + end &&
	       strcmp(name + len - end, suffix) == 0;
}

int lockfile_sweep(const char *dir, const char *prefix, const char *suffix)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int removed = 0;

	while (d && (e = readdir(d))) {
		char path[4096];
		int fd;

		if (!matches(e->d_name, prefix, suffix) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		fd = lock(path, 0, NULL);
		removed += fd >= 0;
		lockfile_drop(path, fd);
	}
	if (d)
		closedir(d);
	return removed;
}
