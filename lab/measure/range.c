/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "range.h"

#include <math.h>
#include <stdlib.h>

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct range range_of(double *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			v[kept++] = v[i];
	if (kept == 0)
		return (struct range){ (double)NAN, (double)NAN, (double)NAN };
	qsort(v, kept, sizeof(*v), compare_double);
	return (struct range){
		.median = kept % 2 ? v[kept / 2] : (v[kept / 2 - 1] + v[kept / 2]) / 2,
		.min = v[0],
		.max = v[kept - 1],
	};
}
