// SPDX-License-Identifier: GPL-2.0-or-later
#include "container.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of a process in many hierarchies of cgroup v1, too. */
#define CGROUP_FILE_SIZE 8192

struct found {
	int *fds;
	struct stat *ids;
	size_t n;
};

static void found_free(struct found *f)
{
	container_netns_close(f->fds, f->n);
	free(f->ids);
}

void container_netns_close(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Takes fd, unless it is known already. */
static int put(struct found *f, const struct stat *own, int fd)
{
	_cleanup_close_ int mine = fd;
	struct stat id;

	if (fstat(mine, &id) < 0)
		return -errno;
	if (same(&id, own))
		return 0;
	for (size_t i = 0; i < f->n; i++)
		if (same(&f->ids[i], &id))
			return 0;
	if (array_reserve(&f->fds, f->n, sizeof(*f->fds)) < 0 || array_reserve(&f->ids, f->n, sizeof(*f->ids)) < 0)
		return -ENOMEM;
	f->ids[f->n] = id;
	f->fds[f->n++] = TAKE_FD(mine);
	return 0;
}

/* What cannot be opened is not there for us; but for want of descriptors it is not known. */
static int none(int err)
{
	return procfs_own_want(err) ? err : 0;
}

/* A process that is gone, or that we may not look into, has no namespace for us. */
static int put_process(struct found *f, const struct stat *own, int procdir)
{
	int fd = openat(procdir, "ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? none(-errno) : put(f, own, fd);
}

static int by_pid(struct found *f, const struct stat *own, const char *root, pid_t pid)
{
	_cleanup_close_ int dir = procfs_open(root, pid);

	return dir < 0 ? none(dir) : put_process(f, own, dir);
}

/* A line is "ID:CONTROLLERS:PATH"; the path is the cgroup, or stands below it. */
static bool is_in(const char *lines, const char *cgroup)
{
	size_t len = strlen(cgroup);

	while (len > 1 && cgroup[len - 1] == '/')
		len--;
	for (const char *line = lines; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		const char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (path && strncmp(path + 1, cgroup, len) == 0 && strchr("/\n", path[1 + len]))
			return true;
	}
	return false;
}

static int by_cgroup(struct found *f, const struct stat *own, const char *root, const char *cgroup)
{
	_cleanup_(closedirp) DIR *d = opendir(root);
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	while (err >= 0 && (e = readdir(d))) {
		_cleanup_close_ int dir = procfs_open(root, procfs_parse_pid(e->d_name));
		char lines[CGROUP_FILE_SIZE];
		ssize_t r = dir < 0 ? dir : file_read(dir, "cgroup", lines, sizeof(lines));

		err = r < 0 ? none((int)r) : is_in(lines, cgroup) ? put_process(f, own, dir) : 0;
	}
	return err;
}

static int by_name(struct found *f, const struct stat *own, const char *netns, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", netns, name) >= sizeof(path) || name[0] == '.')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? none(-errno) : put(f, own, fd);
}

int container_netns(const char *root, const char *netns, const char *selector, int **fds, size_t *n)
{
	_cleanup_(found_free) struct found f = { 0 };
	pid_t pid = procfs_parse_pid(selector);
	struct stat own = { 0 };
	int err;

	/* A test's tree need not have it. */
	if (stat("/proc/thread-self/ns/net", &own) < 0)
		return -errno;
	if (pid > 0)
		err = by_pid(&f, &own, root, pid);
	else if (selector[0] == '/')
		err = by_cgroup(&f, &own, root, selector);
	else
		err = by_name(&f, &own, netns, selector);
	if (err < 0)
		return err;
	*fds = TAKE_PTR(f.fds);
	*n = f.n;
	f.n = 0;
	return 0;
}
