// SPDX-License-Identifier: GPL-2.0-or-later
#include "gate_file.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int file_path(const struct gate *g, const char *file, char path[CGROUP_PATH_SIZE + 32])
{
	int k = snprintf(path, CGROUP_PATH_SIZE + 32, "%s/%s", g->dir, file);

	return k < CGROUP_PATH_SIZE + 32 ? 0 : -ENAMETOOLONG;
}

int gate_open_file(const struct gate *g, const char *file, int flags)
{
	char path[CGROUP_PATH_SIZE + 32];
	int fd;

	if (file_path(g, file, path) < 0)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int gate_read_line(const struct gate *g, const char *file, char *text, size_t size)
{
	char path[CGROUP_PATH_SIZE + 32];
	ssize_t k;

	if (file_path(g, file, path) < 0)
		return -ENAMETOOLONG;
	k = file_read(AT_FDCWD, path, text, size);
	if (k < 0)
		return (int)k;
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int gate_write(int fd, const char *value)
{
	return pwrite(fd, value, strlen(value), 0) < 0 ? -errno : 0;
}

int gate_set_undo(struct gate *g, const char *file, const char *value)
{
	size_t text = (size_t)snprintf(g->undo.value, sizeof(g->undo.value), "%s", value);

	return text < sizeof(g->undo.value) ? file_path(g, file, g->undo.path) : -ENAMETOOLONG;
}

bool gate_is_control(const char *name)
{
	static const char *const controls[] = { "cgroup.freeze", "freezer.state", "cpu.max",
						"cpu.cfs_quota_us" };

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
		if (!strcmp(name, controls[i]))
			return true;
	return false;
}
