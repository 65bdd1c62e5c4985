/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunfd.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

bool fd_is_of(int fddir, const char *number, const char *path_end)
{
	char link[512];
	ssize_t k = readlinkat(fddir, number, link, sizeof(link));
	size_t w = strlen(path_end);

	return k >= (ssize_t)w && k < (ssize_t)sizeof(link) && !memcmp(link + k - w, path_end, w);
}

/* What follows a key of fdinfo; NULL: the line has another key. */
static const char *value_of(const char *line, const char *key)
{
	size_t k = strlen(key);

	return strncmp(line, key, k) ? NULL : line + k + strspn(line + k, " \t");
}

/* What fdinfo tells of a queue: 1; 0: none is attached; or an error of procfs_own_want(). */
static int read_fdinfo(int procdir, const char *number, struct tunfd *out)
{
	char path[64], buf[1024], *p, *save = NULL;
	unsigned long flags = O_CLOEXEC; /* unless it says otherwise */
	bool found = false;
	ssize_t r;

	if (snprintf(path, sizeof(path), "fdinfo/%s", number) >= (int)sizeof(path))
		return 0;
	r = file_read(procdir, path, buf, sizeof(buf));
	if (r < 0)
		return procfs_own_want((int)r) ? (int)r : 0;
	for (p = strtok_r(buf, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		const char *octal = value_of(p, "flags:"), *name = value_of(p, "iff:");
		size_t k = name ? strcspn(name, " \t") : 0;

		if (octal)
			flags = strtoul(octal, NULL, 8);
		if (!name)
			continue;
		if (k == 0 || k >= IFNAMSIZ)
			return 0;
		memcpy(out->name, name, k);
		out->name[k] = '\0';
		found = true;
	}
	out->inherited = !(flags & O_CLOEXEC);
	return found;
}

static int compare_fd(const void *a, const void *b)
{
	const struct tunfd *x = a, *y = b;

	return (x->fd > y->fd) - (x->fd < y->fd);
}

int tunfd_list(int procdir, struct tunfd **fds, size_t *n)
{
	int err;
	_cleanup_(closedirp) DIR *dir = procfs_fds(procdir, &err);
	_cleanup_free_ struct tunfd *list = NULL;
	size_t have = 0;
	struct dirent *e;

	if (!dir)
		return err;
	while ((e = readdir(dir))) {
		struct tunfd found = { .fd = atoi(e->d_name) }, *more;
		bool tun;
		int r;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		errno = 0;
		tun = fd_is_of(dirfd(dir), e->d_name, "/net/tun");
		/* The list is readable by CAP_DAC_READ_SEARCH; where each descriptor leads, by CAP_SYS_PTRACE. */
		if (!tun && (errno == EACCES || errno == EPERM))
			return -EACCES;
		r = tun ? read_fdinfo(procdir, e->d_name, &found) : 0;
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		more = realloc(list, (have + 1) * sizeof(*list));
		if (!more)
			return -ENOMEM;
		list = more;
		list[have++] = found;
	}
	if (have)
		qsort(list, have, sizeof(*list), compare_fd);
	*fds = TAKE_PTR(list);
	*n = have;
	return 0;
}

int tunfd_borrow(int pidfd, int fd)
{
	long got = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return got < 0 ? -errno : (int)got;
}

int tunfd_is(int fd, const char *name)
{
	struct ifreq ifr = { 0 };
	struct stat theirs, ours;
	_cleanup_close_ int ns = -1;

	if (ioctl(fd, TUNGETIFF, &ifr) < 0 || strncmp(ifr.ifr_name, name, IFNAMSIZ))
		return 0;
	ns = ioctl(fd, TUNGETDEVNETNS); /* Linux 5.7 */
	if (ns < 0)
		return procfs_own_want(-errno) ? -errno : 0;
	return fstat(ns, &theirs) == 0 && stat(PROCFS_ROOT "/thread-self/ns/net", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool tunfd_is_attached(int fd)
{
	struct ifreq ifr = { 0 };

	return ioctl(fd, TUNGETIFF, &ifr) == 0 && !(ifr.ifr_flags & IFF_DETACH_QUEUE);
}
