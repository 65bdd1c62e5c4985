/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroup.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether a comma-separated list has this word. */
static bool has_word(const char *list, const char *word)
{
	size_t k = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",\n") == k && !strncmp(p, word, k))
			return true;
	return false;
}

static int join(char out[CGROUP_PATH_SIZE], const char *a, const char *b)
{
	return (size_t)snprintf(out, CGROUP_PATH_SIZE, "%s%s", a, b) >= CGROUP_PATH_SIZE ? -ENAMETOOLONG : 0;
}

/* Names of v1 controllers, in mountinfo's options and in /proc/PID/cgroup. */
static const char *const v1_controller[CGROUP_TREES] = {
	[CGROUP_V1_FREEZER] = "freezer",
	[CGROUP_V1_CPU] = "cpu",
	[CGROUP_V1_CPUACCT] = "cpuacct",
};

/*
 * "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw". A mount whose root is not the
 * hierarchy's shows only a part of it, in which most of /proc/PID/cgroup's paths do not exist: not used.
 */
static int take_mount(struct cgroup_host *h, char *line)
{
	char *word[16], *save = NULL, *type = NULL, *options = NULL;
	size_t n = 0;

	for (char *w = strtok_r(line, " \n", &save); w && n < ARRAY_SIZE(word);
	     w = strtok_r(NULL, " \n", &save))
		word[n++] = w;
	for (size_t i = 6; i + 3 < n; i++) {
		if (strcmp(word[i], "-"))
			continue;
		type = word[i + 1];
		options = word[i + 3];
		break;
	}
	if (!type || strcmp(word[3], "/"))
		return 0;
	if (!strcmp(type, "cgroup2") && !*h->mount[CGROUP_V2])
		return join(h->mount[CGROUP_V2], h->prefix, word[4]);
	for (int t = 0; t < CGROUP_TREES && !strcmp(type, "cgroup"); t++)
		if (v1_controller[t] && !*h->mount[t] && has_word(options, v1_controller[t])) {
			int r = join(h->mount[t], h->prefix, word[4]);

			if (r < 0)
				return r;
		}
	return 0;
}

/* The root has no cgroup.freeze; if none of its children has one either, the kernel is older than 5.2. */
static bool has_v2_freeze(const char *mount)
{
	_cleanup_(closedirp) DIR *dir = opendir(mount);
	struct dirent *e;
	bool any = false;

	while (dir && (e = readdir(dir))) {
		char file[CGROUP_PATH_SIZE];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		any = true;
		snprintf(file, sizeof(file), "%s/cgroup.freeze", e->d_name);
		if (faccessat(dirfd(dir), file, F_OK, 0) == 0)
			return true;
	}
	return dir && !any;
}

int cgroup_probe(const char *prefix, struct cgroup_host *h)
{
	struct cgroup_host out = { 0 };
	char path[CGROUP_PATH_SIZE], text[1024];
	_cleanup_free_ char *mounts = NULL;
	char *save = NULL;
	bool any = false;
	int r;

	r = join(out.prefix, prefix, "");
	if (r == 0)
		r = join(path, prefix, PROCFS_ROOT "/self/mountinfo");
	if (r < 0)
		return r;
	r = (int)file_read_alloc(AT_FDCWD, path, INT_MAX, &mounts);
	if (r < 0)
		return r;
	for (char *line = strtok_r(mounts, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		r = take_mount(&out, line);
		if (r < 0)
			return r;
	}
	for (int t = 0; t < CGROUP_TREES; t++)
		any = any || *out.mount[t];
	if (!any)
		return -ENOENT;
	if (*out.mount[CGROUP_V2]) {
		out.v2_freeze = has_v2_freeze(out.mount[CGROUP_V2]);
		r = join(path, out.mount[CGROUP_V2], "/cgroup.controllers");
		if (r == 0 && file_read(AT_FDCWD, path, text, sizeof(text)) > 0) {
			for (char *p = text; *p; p++)
				*p = *p == ' ' ? ',' : *p;
			out.v2_cpu = has_word(text, "cpu");
		}
	}
	*h = out;
	return 0;
}

const char *cgroup_mode(const struct cgroup_host *h)
{
	bool v1 = false;

	for (int t = 0; t < CGROUP_TREES; t++)
		v1 = v1 || (v1_controller[t] && *h->mount[t]);
	return !*h->mount[CGROUP_V2] ? "v1" : v1 ? "hybrid" : "v2";
}

/* "4:cpu,cpuacct:/path" or "0::/path"; who: "PID" or "PID/task/TID". */
int cgroup_of_task(const struct cgroup_host *h, enum cgroup_tree tree, const char *who,
		   char dir[CGROUP_PATH_SIZE])
{
	_cleanup_free_ char *text = NULL;
	char path[CGROUP_PATH_SIZE], *save = NULL;

	if (!*h->mount[tree])
		return -ENOENT;
	if ((size_t)snprintf(path, sizeof(path), "%s" PROCFS_ROOT "/%s/cgroup", h->prefix, who) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	if (file_read_alloc(AT_FDCWD, path, 64 * 1024, &text) < 0)
		return -ESRCH;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':');
		char *rest = list ? strchr(list + 1, ':') : NULL;

		if (!rest)
			continue;
		*rest++ = '\0';
		list++;
		if (v1_controller[tree] ? !has_word(list, v1_controller[tree])
					: *list || strncmp(line, "0:", 2))
			continue;
		return join(dir, h->mount[tree], strcmp(rest, "/") ? rest : "");
	}
	return -ENOENT;
}

int cgroup_of(const struct cgroup_host *h, enum cgroup_tree tree, pid_t pid, char dir[CGROUP_PATH_SIZE])
{
	char who[16];

	snprintf(who, sizeof(who), "%d", (int)pid);
	return cgroup_of_task(h, tree, who, dir);
}

int cgroup_write(const char *dir, const char *file, const char *value)
{
	_cleanup_close_ int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;

	if (dirfd < 0)
		return -errno;
	fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

int cgroup_walk(const char *dir, cgroup_cb cb, void *arg)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	struct dirent *e;
	int err;

	if (!d)
		return -errno;
	err = cb(dir, arg);
	while ((e = readdir(d))) {
		char sub[CGROUP_PATH_SIZE];
		int r;

		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if ((size_t)snprintf(sub, sizeof(sub), "%s/%s", dir, e->d_name) >= sizeof(sub))
			r = -ENAMETOOLONG;
		else
			r = cgroup_walk(sub, cb, arg);
		if (r == -ENOENT || r == -ENODEV) /* vanished meanwhile */
			r = 0;
		if (err >= 0 || (r < 0 && err == -ENAMETOOLONG))
			err = r;
	}
	return err < 0 ? err : 0;
}

struct pid_list {
	pid_t *pids;
	size_t n;
	const char *top;
};

static int add_processes(const char *dir, void *arg)
{
	_cleanup_close_ int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct pid_list *l = arg;
	char *save = NULL;
	ssize_t k;

	if (dirfd < 0)
		return -errno;
	k = file_read_alloc(dirfd, "cgroup.procs", INT_MAX, &text);
	if (k < 0)
		/* a threaded cgroup below: its processes are listed by the domain above it */
		return k == -EOPNOTSUPP && strcmp(dir, l->top) ? 0 : (int)k;
	for (char *w = strtok_r(text, "\n", &save); w; w = strtok_r(NULL, "\n", &save)) {
		pid_t *more = reallocarray(l->pids, l->n + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->pids = more;
		l->pids[l->n++] = (pid_t)atoi(w); /* 0: in another pid namespace */
	}
	return 0;
}

int cgroup_processes(const char *dir, pid_t **pids, size_t *n)
{
	struct pid_list l = { .top = dir };
	int r = cgroup_walk(dir, add_processes, &l);

	if (r < 0) {
		free(l.pids);
		return r;
	}
	*pids = l.pids;
	*n = l.n;
	return 0;
}
