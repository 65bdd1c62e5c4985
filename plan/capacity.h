/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Capacities that are said as a part of a port's speed ("95% of link"), as rates. */

#include "core/model.h"

#include <net/if.h>

/* An uplink's speed, as its port told it. */
struct uplink_speed {
	char uplink[IFNAMSIZ];
	uint64_t bits_ps;
	bool told; /* by the port now; false: it tells none any more, and this is the last that it told */
};

/* The speed of that uplink; NULL: it is not known. Borrowed. O(n). */
const struct uplink_speed *capacity_speed(const struct uplink_speed *list, size_t n, const char *uplink);

/*
 * Give each uplink whose capacity is a part of its port's speed this part as its limit, from RATE_MIN_BYTES_PS to
 * RATE_MAX_BYTES_PS. Where the speed is not known it is the highest rate: nothing is held back before it is known.
 */
void capacity_resolve(struct model *m, const struct uplink_speed *list, size_t n);
