/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Series of a scenario for plots: bandwidth.csv and gaps.csv, cut to one item of `under` and thinned. */

#include "book_data.h"

#define SERIES_VMS_MAX 8

struct series_point {
	double x;
	double y[SERIES_VMS_MAX + 1]; /* of each VM; of bandwidth the sum after the last of them */
};

struct series {
	struct series_point *p;
	size_t n;
	double x_max, y_max, y_min; /* y_min: the smallest above 0 */
};
void series_free(struct series *s);

/*
 * Mbit/s over seconds since the item's first phase of its first repetition, in at most `points` averages. 0,
 * -ENOENT if it did not run or there is no such file, -ENOMEM. y_max is the largest of a VM or the sum.
 */
int series_bandwidth(const struct book_scenario *s, const char *under, size_t points, struct series *out);
/*
 * Gaps in ms over ms since the steady part of the item's first phase, of one VM, in y[0]: those of the first
 * `window_ms`, every k-th so that about `points` remain, and all that are far longer than most. As above.
 */
int series_gaps(const struct book_scenario *s, const char *under, size_t vm, double window_ms, size_t points,
		struct series *out);
