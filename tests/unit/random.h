/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Random numbers for tests: xorshift64 (Marsaglia 2003), the same numbers on every machine. */

#include <stdint.h>

static uint64_t seed = 88172645463325252ULL;

static inline uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}
