/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which scenarios there are: those that come with the lab, and which of them make up the evaluation. */

#include "scenario.h"

#include <glob.h>
#include <limits.h>

/* One item of the evaluation. */
struct catalog_item {
	char name[64];
	char path[PATH_MAX];
	char section[16];
	char title[200];
	unsigned seconds;          /* that it will take, estimated */
	/* owned; NULL: a program of its own, which is given a directory, seconds, repetitions */
	struct scenario *scenario;
	unsigned program_seconds;  /* of each phase of a program */
	unsigned program_repeat;
};

struct catalog {
	struct catalog_item *items; /* sections in their order, names in theirs */
	size_t n;
};

/* What comes with the lab and has such a name, in order. 0 with *g for globfree(3); -ENOENT: nothing, or no memory. */
int catalog_files(const char *pattern, glob_t *g);

/*
 * The file of a scenario: a path, the name of one that comes with the lab, or the name of a figure of the
 * paper ("fig07") that one of them redraws. Cut if it does not fit.
 */
void catalog_path(const char *name, char path[PATH_MAX]);

/*
 * The evaluation, or, with only (names, figures, sections, beginnings of names, with commas between), parts
 * of it; quick: what a quick one has. 0 with *ret to be freed with catalog_free(); -EINVAL if a word of only
 * means nothing, or a file is wrong; -ENOMEM, with a text.
 */
int catalog_evaluation(const char *only, bool quick, struct catalog *ret, struct errtext *e);
void catalog_free(struct catalog *c);
