/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "libvirt_left.h"

#include "base/cleanup.h"
#include "lab/net/topo.h"

#include <ftw.h>
#include <glob.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN_DEPTH 8 /* descriptors for going through a group */

/* "/machine/qemu-1-NAME.libvirt-qemu", as seen with libvirt 9.0. */
static char groups[TOPO_VMS_MAX][160];
static size_t n_groups;

static void note_path(const char *path)
{
	static const char parent[] = "/machine/qemu-", suffix[] = ".libvirt-qemu";
	const char *end = strstr(path, suffix);
	char group[sizeof(groups[0])];

	if (strncmp(path, parent, strlen(parent)) != 0 || !end || end < path + strlen(parent) ||
	    memchr(path + strlen(parent), '/', (size_t)(end - path) - strlen(parent)))
		return;
	snprintf(group, sizeof(group), "%.*s", (int)(end - path + (ptrdiff_t)strlen(suffix)), path);
	for (size_t i = 0; i < n_groups; i++)
		if (strcmp(groups[i], group) == 0)
			return;
	if (n_groups < TOPO_VMS_MAX)
		memcpy(groups[n_groups++], group, sizeof(group));
}

void libvirt_left_note(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char file[40], *line, *rest;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	if (proc_read_ns(NULL, file, &text) < 0)
		return;
	/* A line is ID:CONTROLLERS:PATH. */
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (path)
			note_path(path + 1);
	}
}

/* A group goes once it is empty; its files go with it. */
static int remove_directory(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

static void remove_matching(const char *pattern)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		nftw(g.gl_pathv[i], remove_directory, DOMAIN_DEPTH, FTW_DEPTH | FTW_PHYS);
	globfree(&g);
}

void libvirt_left_remove(void)
{
	/* Version 2 alone, or the hierarchies of version 1 (and "unified") beside each other. */
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/*" };
	char pattern[200];

	for (size_t i = 0; i < n_groups; i++)
		for (size_t k = 0; k < ARRAY_SIZE(roots); k++) {
			snprintf(pattern, sizeof(pattern), "%s%s", roots[k], groups[i]);
			remove_matching(pattern);
		}
	/* Their parent, if no other domain is in it. */
	for (size_t k = 0; n_groups > 0 && k < ARRAY_SIZE(roots); k++) {
		glob_t g;

		snprintf(pattern, sizeof(pattern), "%s/machine", roots[k]);
		if (glob(pattern, 0, NULL, &g) != 0)
			continue;
		for (size_t i = 0; i < g.gl_pathc; i++)
			rmdir(g.gl_pathv[i]);
		globfree(&g);
	}
	n_groups = 0;
}
