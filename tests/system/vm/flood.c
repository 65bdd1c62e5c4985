// SPDX-License-Identifier: GPL-2.0-or-later
#include "flood.h"

#include <time.h>

#define RATED_PAUSE_MS 1
#define PAUSE_MS 20
#define LATE_NS 10e6

uint64_t flood_now_ns(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t flood_due(struct flood *f, uint64_t gone, uint64_t max)
{
	double a_ns = (double)f->rate * 1e-9, late_ns;
	uint64_t due;

	if (!f->rate)
		return max;
	due = (uint64_t)(a_ns * (double)(flood_now_ns(CLOCK_MONOTONIC) - f->start_ns));
	if (due <= gone)
		return 0;
	late_ns = (double)(due - gone) / a_ns;
	if (late_ns > LATE_NS) {
		f->start_ns += (uint64_t)(late_ns - LATE_NS);
		due = gone + (uint64_t)(a_ns * LATE_NS);
	}
	return due - gone < max ? due - gone : max;
}

int flood_pause_ms(const struct flood *f)
{
	return f->rate ? RATED_PAUSE_MS : PAUSE_MS;
}
