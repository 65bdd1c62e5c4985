/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The fluid clock: what an ideal processor would give, one that serves all ready VMs at the same time, each
 * in proportion to its weight (generalised processor sharing; Parekh and Gallager, 1993). `level` counts
 * the CPU time that each unit of weight has been worth. A VM notes the level when it becomes ready; from
 * then on it is entitled to weight * (level now - level noted). To advance the clock is O(1), whatever the
 * number of VMs.
 */

#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 fluid_t;

#define FLUID_SHIFT 56

struct fluid {
	fluid_t level;    /* nanoseconds of CPU time for each unit of weight, times 2^FLUID_SHIFT */
	uint64_t rate;    /* what a nanosecond adds to the level */
	uint64_t last_ns; /* the clock shows this time, nanoseconds, the caller's monotonic clock */
};

/* A time that goes back counts as standing. */
static inline void fluid_advance(struct fluid *f, uint64_t now_ns)
{
	if (now_ns <= f->last_ns)
		return;
	f->level += (fluid_t)(now_ns - f->last_ns) * f->rate;
	f->last_ns = now_ns;
}

/*
 * From now on serve VMs that weigh `weights` in all (0: there are none) on lanes, at most 128. `heaviest`
 * is the largest weight; with one lane it does not matter. The ideal processor gives no VM more than one
 * lane. If the heaviest VM's proportion is more, the clock goes slower, so that this VM fills one lane.
 * Returns whether it goes slower.
 */
static inline bool fluid_serve(struct fluid *f, uint64_t lanes, uint64_t weights, uint64_t heaviest)
{
	const uint64_t one = 1ULL << FLUID_SHIFT;
	bool slower = lanes > 1 && heaviest * lanes > weights;

	if (slower)
		f->rate = one / heaviest;
	else
		f->rate = weights ? lanes * one / weights : 0;
	return slower;
}

/* What a difference of two levels is worth for a weight up to 2^40, nanoseconds; saturates at max. */
static inline uint64_t fluid_ns(fluid_t delta, uint64_t weight, uint64_t max)
{
	fluid_t ns;

	if (delta >> 120)
		return max;
	ns = delta >> 64 ? (delta >> 32) * weight >> (FLUID_SHIFT - 32) : delta * weight >> FLUID_SHIFT;
	return ns < max ? (uint64_t)ns : max;
}
