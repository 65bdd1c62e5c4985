/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The measures: one definition each, computed from what the wire's meter recorded. Pure functions: no clock,
 * no file. Times are nanoseconds of CLOCK_MONOTONIC, sizes are L2 frame bytes, shares of traffic are
 * percent, differences between them percentage points (pp).
 *
 *   delivered     frame bytes in the window
 *   share error   100 * (delivered_i / sum(delivered) - share_i / sum(shares)), backlogged VMs only
 *   utilisation   sum(delivered) / capacity
 *   Jain          index of delivered_i / share_i (Jain, Chiu, Hawe, DEC-TR-301, 1984)
 *   gap           time from one frame of a VM to its next at the meter; a GSO packet, which the lab's wire
 *                 carries as one, counts as one arrival
 *   settled       start of the first run of consecutive windows, on a grid that begins at the
 *                 acknowledgement, in which every VM is within the tolerance of its new share
 */

#include "core/types.h"

#include <stddef.h>

/* One arrival. */
struct sample {
	uint64_t ns;
	uint32_t bytes;
};

/* Arrivals of one VM, ascending in time. Borrowed. */
struct trace {
	const struct sample *s;
	size_t n;
};

/* from_ns <= t < to_ns */
struct window {
	uint64_t from_ns, to_ns;
};

/* A phase's first part, left out of everything that is said of the phase. */
#define MEASURE_WARMUP_NS (2 * NSEC_PER_SEC)
/* The phase without its warm-up; empty if it is not longer than that. */
struct window measure_steady(struct window phase);

/* Put what several CPUs recorded at once into order; cheap where it is nearly so. */
void measure_sort(struct sample *s, size_t n);
/* The part of t inside w, borrowed from t. */
struct trace measure_slice(struct trace t, struct window w);
uint64_t measure_bytes(struct trace t);
/* 0 for an empty window. */
double measure_mbps(uint64_t bytes, struct window w);

/*
 * Share and share error of each VM. backlogged NULL: all are. Others get NAN for both, and neither their
 * bytes nor their shares count. 0, or -ENODATA (outputs untouched) if nothing was delivered.
 */
int measure_shares(const uint64_t *bytes, const struct share *shares, const bool *backlogged, size_t n,
		   double *share_pct, double *error_pp);
double measure_utilisation(uint64_t sum_bytes, struct rate capacity, struct window w);
/* 1 if all have the same delivered / share, down to 1/n; NAN if nothing was delivered. */
double measure_jain(const uint64_t *bytes, const struct share *shares, size_t n);

struct gaps {
	size_t n;
	double mean_ms, sd_ms; /* of the population */
	double p50_ms, p99_ms, p999_ms;
	double left_out; /* fraction of all gaps that the slot grid left out; 0 for all gaps */
};

void measure_ascending(uint64_t *v, size_t n);
/*
 * Nearest rank: the smallest value such that at least q of all are not above it. v ascending, n > 0, 0 < q <=
 * 1.
 */
uint64_t measure_quantile(const uint64_t *v, size_t n, double q);
/* All gaps of t. 0, -ENODATA with fewer than two arrivals, -ENOMEM. */
int measure_gaps(struct trace t, struct gaps *out);
/* Only gaps whose both ends lie in one slot. Slots ascending and disjoint, thaw to freeze. As above; -ENODATA
 * also if no gap is inside. */
int measure_gaps_inside(struct trace t, const struct window *slots, size_t n_slots, struct gaps *out);
/* The others: gaps that reach from one slot to another, or lie outside of any. */
int measure_gaps_across(struct trace t, const struct window *slots, size_t n_slots, struct gaps *out);

struct settle_rule {
	uint64_t window_ns;
	uint32_t windows;
	double tolerance_pp;
};

extern const struct settle_rule settle_udp; /* 3 x 50 ms within 2 pp */
extern const struct settle_rule settle_tcp; /* 3 x 250 ms within 3 pp */

/*
 * after: from the acknowledgement of the change to the end of the phase. *settled_ns is relative to the
 * acknowledgement. 0, or -ETIME if it never settled.
 */
int measure_settled(const struct trace *t, const struct share *shares, size_t n, struct window after,
		    const struct settle_rule *rule, uint64_t *settled_ns);

/* Cores busy in the window. */
double measure_cores(uint64_t cpu_ns, struct window w);
