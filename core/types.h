/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The quantities of the field as types of their own, so that a rate is never
 * taken for a size or a weight. Text becomes one of these once, in spec/units.h.
 */

#include "base/nsec.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes per second at the link layer, as the kernel's qdisc_pkt_len() counts. */
struct rate {
	uint64_t bytes_ps;
};

/* No limit. Sorts above every real rate. */
#define RATE_UNLIMITED ((struct rate){ UINT64_MAX })
#define RATE_ZERO ((struct rate){ 0 })

/* The largest capacity that divvy accepts: 400 Gbit/s. */
#define RATE_MAX_BYTES_PS (400000000000ULL / 8)
/* The smallest rate that divvy gives a class: HTB's clock loses precision below it. */
#define RATE_MIN_BYTES_PS (8000ULL / 8)

/* Weight among siblings; 1..SHARE_MAX. 0 is not a share. */
struct share {
	uint32_t weight;
};

#define SHARE_MAX 1000000U
#define SHARE_DEFAULT ((struct share){ 1 })

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
