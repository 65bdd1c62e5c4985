/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How a schedule of CPU slots is set up: policy, slots, lanes.
 *
 * Lanes. Up to `lanes` VMs run at the same time, each in a lane of its own. A VM whose part is worth more
 * than one lane (60:40 on two lanes: 1.2 lanes) cannot get it. The schedule then does one of two things,
 * exactly:
 *
 *	hold (default)  It keeps the ratio. The largest VM fills one lane, the others get CPU time in
 *	                proportion to it, and lanes are left empty (1 : 0.67; throughput 1.67 of 2).
 *	spread          It fills the lanes. What the largest VM cannot take goes to the others by their parts
 *	                (1 : 1; water-filling, as in Chandra et al., Surplus Fair Scheduling, OSDI 2000).
 */

#include <stdbool.h>
#include <stdint.h>

#define ROUNDS_LANES_MAX 128U
#define ROUNDS_SLOTS_MAX 1000000U
#define ROUNDS_VMS_MAX 60000U

struct policy_ops;

struct rounds_config {
	const struct policy_ops *policy; /* static */
	uint64_t slot_ns;  /* length of a slot, nanoseconds; 1 to 1,000 s */
	uint32_t slots;    /* #TimeSlots of equation (1), 1..ROUNDS_SLOTS_MAX; with more VMs, one each */
	uint32_t lanes;    /* 1..ROUNDS_LANES_MAX */
	uint64_t burst_ns; /* credit that a VM saves up, nanoseconds of CPU time; 0: what a round gives it */
	bool strict;       /* a slot that its VM cannot use stays empty */
	bool spread;       /* see Lanes above */
};
