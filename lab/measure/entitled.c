/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "entitled.h"

#include <math.h>

#define STEPS 200 /* more than a double has digits */

static double at_level(const struct claim *c, double level)
{
	return fmin(c->demand, fmax(c->reserve, level * c->weight));
}

void measure_entitled(const struct claim *claim, size_t n, double capacity, double *out)
{
	double low = 0, high = 0;

	/* With the high level the lightest VM alone would fill the capacity. */
	for (size_t i = 0; i < n; i++)
		high = fmax(high, capacity / claim[i].weight);
	for (int k = 0; k < STEPS; k++) {
		double level = (low + high) / 2, sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += at_level(&claim[i], level);
		if (sum > capacity)
			high = level;
		else
			low = level;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = at_level(&claim[i], low);
}
