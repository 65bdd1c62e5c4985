/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Arithmetic is in unit-nanoseconds (units times NSEC_PER_SEC), 128 bits wide: rate * elapsed is
 * at most (2^64-1)^2, and the fraction that a refill leaves is less than one unit.
 * A bucket that is full overflows: its fraction is lost with the rest, as water would be.
 */

#include "bucket.h"
#include "core/types.h"

#define LEVEL_MIN (-INT64_MAX / 2)

typedef __int128 i128;
typedef unsigned __int128 u128;

static void clip(struct bucket *b)
{
	if (b->level < b->depth)
		return;
	b->level = b->depth;
	b->frac = 0;
}

void bucket_init(struct bucket *b, uint64_t rate, int64_t depth, uint64_t now_ns)
{
	*b = (struct bucket){ .rate = rate, .depth = depth, .level = depth, .last_ns = now_ns };
}

void bucket_refill(struct bucket *b, uint64_t now_ns)
{
	u128 credit, units;

	if (now_ns <= b->last_ns)
		return;

	credit = (u128)b->rate * (now_ns - b->last_ns) + b->frac;
	b->last_ns = now_ns;
	units = credit / NSEC_PER_SEC;
	if ((i128)b->depth - b->level <= (i128)units) {
		b->level = b->depth;
		b->frac = 0;
		return;
	}
	b->level += (int64_t)units;
	b->frac = (uint64_t)(credit % NSEC_PER_SEC);
}

void bucket_configure(struct bucket *b, uint64_t rate, int64_t depth, uint64_t now_ns)
{
	bucket_refill(b, now_ns);
	b->rate = rate;
	b->depth = depth;
	clip(b);
}

void bucket_charge(struct bucket *b, uint64_t units)
{
	i128 level = (i128)b->level - units;

	b->level = level < LEVEL_MIN ? LEVEL_MIN : (int64_t)level;
}
