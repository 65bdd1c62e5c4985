/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Two folders of results side by side: what both have of each scenario, item of `under` and step, their
 * medians and ranges, the difference of B from A, and whether the ranges overlap (level) or not.
 */

#include "lab/proc/proc.h"

#include <jansson.h>

/*
 * 0 with a new reference to {a, b, rows: [{scenario, under, step, measure, a, b: {median, min, max, n},
 * difference, verdict}], only_a, only_b: [names]}, or negative errno with a text. verdict is B's: "lower",
 * "higher", "level", "one run: lower", "one run: higher", "one run: equal".
 */
int compare_folders(const char *a, const char *b, json_t **ret, struct errtext *e);

/* "divvy-lab compare A B [--json]": the exit status. */
int compare_verb(int argc, char **argv);
