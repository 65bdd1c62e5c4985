/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `--dry-run [--json]` of the verbs that change something: what divvyd would do. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct dryrun {
	bool wanted; /* --dry-run was given */
	bool json;   /* --json was given, too */
};

/*
 * Takes the options out of argv, wherever they stand; *argc becomes smaller. An option is an argument that
 * begins with '-' and has no '='; "-" alone is none. 0; -1: after a complaint, for an option is unknown, or
 * --json stands without --dry-run.
 */
int dryrun_options(int *argc, char **argv, struct dryrun *o);

/*
 * Prints divvyd's answer to a request with dry_run: a line a step for a person, or the JSON. Returns
 * EXIT_SUCCESS; EXIT_FAILURE: after a complaint, for the answer is none to a dry run.
 */
int dryrun_print(const struct dryrun *o, FILE *to, const json_t *result);
