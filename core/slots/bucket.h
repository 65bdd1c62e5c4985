/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Leaky-bucket controller (Kurose & Ross, Computer Networking, 4th ed., 7.5.2; the paper's
 * section III-B): credit comes in at a constant rate and is held up to a depth.
 * Credit is a signed count of units (bytes, or nanoseconds of CPU time): a holder that overran its turn owes.
 * No fraction is lost between refills, whatever their spacing.
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
/* Credit what came in since the last refill; a clock that went back adds nothing. */
void bucket_refill(struct bucket *b, uint64_t now_ns);
/* Refills at the old rate, then changes; the level is clipped to the new depth. */
void bucket_configure(struct bucket *b, uint64_t rate, int64_t depth, uint64_t now_ns);
/* Take units, into debt if need be (the turn has been used; saturates). */
void bucket_charge(struct bucket *b, uint64_t units);
