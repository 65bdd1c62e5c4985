/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The table of what is computed of each VM's arrivals, besides what measure.h computes for each of them: a new measure is
 * a function and a line in kinds.c. It stands in summary.json and in the report, where the worst VM's counts.
 */

#include "measure.h"

struct measure_kind {
	const char *name; /* in summary.json; ends with its unit */
	const char *head; /* of a column, with its unit */
	unsigned digits;  /* after the point */
	/* Of the arrivals in a window that is no shorter than a second; NAN: there is no such figure. */
	double (*of)(struct trace t, struct window w);
};

#define MEASURE_KINDS_MAX 8
extern const struct measure_kind measure_kinds[];
extern const size_t measure_n_kinds;
