/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The quantities of the field, a type for each, so that the compiler tells a rate from a size and a share
 * from a part. Text becomes one of these types once, in spec/units.h.
 */

#include "base/nsec.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes per second at the link layer, as the kernel's qdisc_pkt_len() counts. */
struct rate {
	uint64_t bytes_ps;
};

/* No limit. It sorts above every real rate. */
#define RATE_UNLIMITED ((struct rate){ UINT64_MAX })
#define RATE_ZERO ((struct rate){ 0 })

/* The largest capacity that divvy accepts: 400 Gbit/s. */
#define RATE_MAX_BYTES_PS (400000000000ULL / 8)
/* The smallest rate that divvy gives a class: HTB's clock loses precision below it. */
#define RATE_MIN_BYTES_PS (8000ULL / 8)

/* What a specification says: a weight among siblings, 1..SHARE_MAX. 0 is not a share. */
struct share {
	uint32_t weight;
};

#define SHARE_MAX 1000000U
#define SHARE_DEFAULT ((struct share){ 1 })

/* What is worked out: a part of a whole, in millionths of it, 1..PART_MAX. 0 is not a part. */
struct part {
	uint32_t ppm;
};

#define PART_MAX 1000000U

static inline bool rate_is_unlimited(struct rate r)
{
	return r.bytes_ps == UINT64_MAX;
}

static inline struct rate rate_min(struct rate a, struct rate b)
{
	return a.bytes_ps < b.bytes_ps ? a : b;
}

/* Bits per second, for people and JSON; saturates for RATE_UNLIMITED. */
static inline uint64_t rate_bits(struct rate r)
{
	return r.bytes_ps > UINT64_MAX / 8 ? UINT64_MAX : r.bytes_ps * 8;
}
