/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A made-up /proc for tests: processes with a command line, a program's file, and descriptors. */

#include "kernel/vmm/vmm.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <setjmp.h>

#include <cmocka.h>

#define RIG_ARGS 40

struct proc_tree {
	char root[32];
};

static inline void rig_put(const struct proc_tree *t, int pid, const char *file, const void *data, size_t size)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%d/%s", t->root, pid, file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static inline void rig_tree(struct proc_tree *t)
{
	strcpy(t->root, "/tmp/divvy-proc-XXXXXX");
	assert_non_null(mkdtemp(t->root));
}

static inline void rig_dir(const struct proc_tree *t, int pid, const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/%s", t->root, pid, dir);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* exe: ""; it cannot be read. argv: NULL-terminated. */
static inline void rig_process(const struct proc_tree *t, int pid, const char *comm, const char *exe,
			       const char *const *argv)
{
	char text[64 * 1024], path[PATH_MAX];
	size_t n = 0;

	rig_dir(t, pid, "");
	rig_dir(t, pid, "fd");
	rig_dir(t, pid, "fdinfo");
	snprintf(text, sizeof(text), "%s\n", comm);
	rig_put(t, pid, "comm", text, strlen(text));
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 %d 1 1\n", pid, comm, pid);
	rig_put(t, pid, "stat", text, strlen(text));
	for (; *argv; argv++) {
		assert_true(n + strlen(*argv) + 1 < sizeof(text));
		strcpy(text + n, *argv);
		n += strlen(*argv) + 1;
	}
	rig_put(t, pid, "cmdline", text, n);
	snprintf(path, sizeof(path), "%s/%d/exe", t->root, pid);
	if (exe[0])
		assert_int_equal(symlink(exe, path), 0);
}

/* iff: the interface that fdinfo names; NULL: none. */
static inline void rig_fd(const struct proc_tree *t, int pid, int fd, const char *target, const char *iff)
{
	char path[PATH_MAX], text[256], name[32];

	snprintf(path, sizeof(path), "%s/%d/fd/%d", t->root, pid, fd);
	assert_int_equal(symlink(target, path), 0);
	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	snprintf(text, sizeof(text), "pos:\t0\nflags:\t0104002\nmnt_id:\t24\nino:\t105\n%s%s%s", iff ? "iff:\t" : "",
		 iff ? iff : "", iff ? "\n" : "");
	rig_put(t, pid, name, text, strlen(text));
}

static inline int rig_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void rig_remove(struct proc_tree *t)
{
	assert_int_equal(nftw(t->root, rig_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
