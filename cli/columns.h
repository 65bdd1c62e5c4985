/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which columns of a table fit a terminal's width, and how wide each is. */

#include <stddef.h>

struct column {
	size_t least;  /* columns of the terminal that it needs */
	size_t most;   /* that it can use, at least as many */
	int drop;      /* the column with the highest number is left out first; 0: never */
	size_t width;  /* what it has; 0: it is left out, or least is 0 */
};

/*
 * Fills width of all. One blank stands between two columns that are shown. What is left over is given to the columns
 * that can use it, from the left, as equally as it goes. Columns that are never dropped keep their least width also
 * where that is too wide. Returns the columns of the terminal that the table takes.
 */
size_t columns_fit(struct column *all, size_t n, size_t terminal);
