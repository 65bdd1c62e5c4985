/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *own_directory(void)
{
	static char dir[PATH_MAX];
	const char *set = getenv("DIVVY_LAB_PROGRAMS");

	if (set && *set)
		return set;
	if (!dir[0]) {
		ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
		char *slash;

		dir[n > 0 ? n : 0] = 0;
		slash = strrchr(dir, '/');
		if (slash)
			*slash = 0;
		else
			strcpy(dir, ".");
	}
	return dir;
}

const char *program_path(const char *name)
{
	static char paths[2][PATH_MAX + NAME_MAX];
	static unsigned turn;
	char want[PATH_MAX + NAME_MAX];

	snprintf(want, sizeof(want), "%s/%s", own_directory(), name);
	for (unsigned i = 0; i < 2; i++)
		if (strcmp(paths[i], want) == 0)
			return paths[i];
	turn ^= 1;
	memcpy(paths[turn], want, sizeof(want));
	return paths[turn];
}

/* The source tree's, around the lab's program, or here; set: by the environment. */
static const char *in_tree(const char *set, const char *name, char path[PATH_MAX + 32])
{
	if (set && *set)
		return set;
	if (!path[0]) {
		snprintf(path, PATH_MAX + 32, "%s/../lab/%s", own_directory(), name);
		if (access(path, R_OK) < 0)
			snprintf(path, PATH_MAX + 32, "lab/%s", name);
	}
	return path;
}

const char *program_scenarios(void)
{
	static char path[PATH_MAX + 32];

	return in_tree(getenv("DIVVY_LAB_SCENARIOS"), "scenarios", path);
}

const char *program_report(void)
{
	static char path[PATH_MAX + 32];

	return in_tree(getenv("DIVVY_LAB_REPORT"), "report/divvy-report", path);
}

const char *program_plots(void)
{
	static char path[PATH_MAX + 32];

	return in_tree(getenv("DIVVY_LAB_PLOTS"), "record", path);
}
