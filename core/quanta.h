/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How an uplink's HTB hands out what its leaves do not use of their guarantees, so that each leaf gets what it is
 * entitled to now. The Theory of Operation is in quanta.c.
 */

#include "types.h"

#include <stddef.h>

struct quanta_leaf {
	struct rate rate;     /* the guarantee of its class, static */
	struct rate entitled; /* now */
	bool backlogged;      /* it sends all that it is let */
	bool bounded;         /* a network above it gets nine tenths of its limit, or more */
	struct rate limit;    /* its ceiling by the specification, those of its networks included; >= rate */
	uint32_t packet;      /* the largest packet seen from it, bytes; 0: none was seen */
};

struct quanta_class {
	uint32_t quantum; /* bytes, from QUANTA_PACKET_MIN to INT32_MAX */
	struct rate ceil; /* the limit, or less for as long as the entitlement stays */
};

/* A full frame without its checksum: what a leaf sends at least that no packet was seen from, bytes. */
#define QUANTA_PACKET_MIN 1514U

/* All leaves of one uplink; out[] has n elements. O(n). */
void quanta_divide(const struct quanta_leaf *leaf, size_t n, struct rate capacity, struct quanta_class *out);
