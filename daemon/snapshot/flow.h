/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is to tell of a device, a network or an uplink in one direction. */

#include "kernel/bpf/abi.h"
#include "readings.h"
#include "promise.h"

/* Zeroed: nothing is divided in that direction. */
struct snapshot_flow {
	bool wanted; /* it has a part in that direction (core/direction.h) */
	bool bound;  /* of a device: one of its vNICs is, at least; of others: true */
	struct share share;
	struct rate reserve, limit; /* RATE_ZERO: none; RATE_UNLIMITED: none; an uplink's limit is its capacity */
	struct rate entitled;       /* now, from shares, reserves, limits, and what the devices send */
	/* sent.known false: no two readings yet. Of a network and an uplink: known and delivered alone, sums of its devices' */
	struct sample_rate sent;
	struct snapshot_promise promise;
	/* Of a device. */
	double error_pp;          /* delivered against entitled, each as a part of the uplink's sum; 0: sent is not known */
	uint64_t dropped_packets; /* by its leaf */
	uint64_t dropped_ns;      /* when that was read; CLOCK_MONOTONIC. 0: it was not */
	uint64_t burst_dropped;   /* packets that the kernel dropped before that (kernel/bpf/burst.h) */
	struct divvy_counters offered; /* to its leaf */
	uint64_t offered_ns;      /* when that was read; 0: it was not */
};

/* Of a device or network of the running plan: its terms, entitlement and promise, and of a device what its leaf says. */
void snapshot_flow_make(const struct daemon *d, const struct readings *r, uint32_t node, enum direction direction,
			struct snapshot_flow *out);
/* Add what a device delivered to a network's or uplink's sum. */
void snapshot_flow_add(struct snapshot_flow *sum, const struct snapshot_flow *device);
