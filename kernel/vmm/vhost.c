// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost.h"

#include "tunfd.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/nsec.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000U /* include/linux/sched.h; field 9 of stat */

int vhost_net_count(int procdir)
{
	int err, n = 0;
	_cleanup_(closedirp) DIR *dir = procfs_fds(procdir, &err);
	struct dirent *e;

	if (!dir)
		return err;
	while ((e = readdir(dir)))
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9' &&
		     fd_is_of(dirfd(dir), e->d_name, "/vhost-net");
	return n;
}

/* The process of a thread. */
static pid_t process_of(int rootdir, pid_t thread)
{
	char path[32], text[1024], *p;
	long pid;

	snprintf(path, sizeof(path), "%d/status", (int)thread);
	if (file_read(rootdir, path, text, sizeof(text)) < 0)
		return thread;
	p = strstr(text, "\nTgid:");
	pid = p ? strtol(p + 6, NULL, 10) : 0;
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : thread;
}

/* False: it is no worker, or has ended. */
static bool read_worker(int rootdir, const char *number, struct vhost_kthread *out)
{
	static const char prefix[] = "vhost-";
	_cleanup_close_ int dir = openat(rootdir, number, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t flags;
	char comm[32];
	pid_t opener;

	if (dir < 0 || file_read(dir, "comm", comm, sizeof(comm)) < 0 ||
	    strncmp(comm, prefix, sizeof(prefix) - 1) != 0)
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	opener = procfs_parse_pid(comm + sizeof(prefix) - 1);
	/* Any process may call itself so. */
	if (!opener || procfs_stat(dir, 9, &flags) < 0 || !(flags & PF_KTHREAD) ||
	    procfs_start_time(dir, &out->start_time) < 0)
		return false;
	out->pid = procfs_parse_pid(number);
	out->owner = process_of(rootdir, opener);
	return true;
}

static int compare_owner(const void *a, const void *b)
{
	const struct vhost_kthread *x = a, *y = b;

	return (x->owner > y->owner) - (x->owner < y->owner);
}

int vhost_kthreads(const char *root, struct vhost_kthread **list, size_t *n)
{
	_cleanup_free_ struct vhost_kthread *found = NULL;
	_cleanup_(closedirp) DIR *dir = opendir(root);
	struct dirent *e;
	size_t k = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		struct vhost_kthread one;

		if (!procfs_parse_pid(e->d_name) || !read_worker(dirfd(dir), e->d_name, &one))
			continue;
		if (array_reserve(&found, k, sizeof(*found)) < 0)
			return -ENOMEM;
		found[k++] = one;
	}
	if (k)
		qsort(found, k, sizeof(*found), compare_owner);
	*list = TAKE_PTR(found);
	*n = k;
	return 0;
}

int vhost_kthread_cpu(const char *root, const struct vhost_kthread *k, uint64_t *ns)
{
	_cleanup_close_ int dir = procfs_open(root, k->pid);
	uint64_t start = 0, user = 0, system = 0;
	long hz = sysconf(_SC_CLK_TCK);
	int r = dir < 0 ? dir : procfs_start_time(dir, &start);

	if (r == 0 && start != k->start_time)
		r = -ESRCH;
	if (r == 0)
		r = procfs_stat(dir, 14, &user);
	if (r == 0)
		r = procfs_stat(dir, 15, &system);
	if (r < 0)
		return r;
	*ns = (user + system) * (NSEC_PER_SEC / (uint64_t)(hz > 0 ? hz : 100));
	return 0;
}
