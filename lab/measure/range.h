/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Several figures of one thing as one: median, smallest, largest. */

#include <stddef.h>

struct range {
	double median, min, max; /* NAN: no repetition had a figure */
};

/* Median and range of n numbers, which are put in order; NAN among them are left out. */
struct range range_of(double *v, size_t n);
