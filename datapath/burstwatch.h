/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether the kernel drops packets before they come to divvy's scheduler (kernel/bpf/burst.h), and how far its limit
 * would have to be raised.
 */

#include "dataplane.h"
#include "plan/plan.h"
#include "plan/warning.h"

/* Zeroed: no reading. */
struct burstwatch {
	uint64_t dropped; /* of all vNICs, at the latest reading */
	uint64_t lost_ns; /* when the latest drop was seen; CLOCK_MONOTONIC. 0: none was */
};

void burstwatch_read(struct burstwatch *w, const struct dataplane *p, uint64_t now_ns);
/* Append a line if packets were dropped in the last minute. 0 or -ENOMEM. */
int burstwatch_warn(const struct burstwatch *w, const struct plan *p, uint64_t now_ns, struct warning_list *out);
/* The limit in force; 0: the kernel has none, or it is neither seen nor counted. */
uint64_t burstwatch_in_force(const struct dataplane *p);
/*
 * A limit by which VMs that wait lose none: on the uplink with most, the smallest packets that all its vNICs' send
 * buffers hold, rounded up to a thousand. now: the limit in force, or 0; twice that, if it is as high already.
 */
uint64_t burstwatch_limit(const struct plan *p, uint64_t now);
