/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* For tests of the evaluation's report: a folder that dies with the test, and the results in data/. */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* tests/unit/data/NAME, from build/tests/unit/PROGRAM. */
static inline const char *data(const char *name)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = 0;
	for (int i = 0; i < 4; i++)
		*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/tests/unit/data/%s", self, name);
	return path;
}

struct folder {
	char path[64];
};

static inline void folder_make(struct folder *f)
{
	strcpy(f->path, "/tmp/divvy-book-test-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

static inline void folder_remove(struct folder *f)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	assert_int_equal(system(command), 0);
}

static inline void folder_write(const struct folder *f, const char *name, const char *text)
{
	char path[200];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}
