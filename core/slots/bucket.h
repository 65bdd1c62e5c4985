/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Leaky-bucket controller (Kurose & Ross, Computer Networking, 4th ed., 7.5.2; the paper's section III-B):
 * credit comes in at a constant rate, and the bucket holds it up to a depth. Credit is a signed count of
 * units (bytes, or nanoseconds of CPU time), since the bucket's holder owes if it overran its turn. No
 * fraction of a unit is lost between refills, whatever their spacing.
 */

#include <stdint.h>

struct bucket {
	uint64_t rate;    /* units per second */
	int64_t depth;    /* most units held; >= 0 */
	int64_t level;    /* units now; may be negative down to -INT64_MAX/2 */
	uint64_t last_ns; /* time of the last refill, the caller's monotonic clock */
	uint64_t frac;    /* unit-nanoseconds not yet credited, < NSEC_PER_SEC */
};

/* A full bucket. */
void bucket_init(struct bucket *b, uint64_t rate, int64_t depth, uint64_t now_ns);
/* Add what has come in since the last refill. A time before it adds nothing. */
void bucket_refill(struct bucket *b, uint64_t now_ns);
/* Refill at the old rate, then change rate and depth. What is above the new depth is lost. */
void bucket_configure(struct bucket *b, uint64_t rate, int64_t depth, uint64_t now_ns);
/* Take units. The level may become negative, since the turn has been used already; saturates. */
void bucket_charge(struct bucket *b, uint64_t units);
