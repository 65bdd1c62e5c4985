/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A host in virtual time: VMs with given demands, the real scheduler of core/ in its middle, and nothing
 * real else. The same configuration gives the same result to the last digit, except for wall_ns.
 */

#include "core/slots/rounds.h"

enum demand {
	DEMAND_BUSY,   /* always wants the CPU */
	DEMAND_ON_OFF, /* some CPU time, then idle for a while; both exponential */
	DEMAND_IO,     /* wakes up as a Poisson process, for a little CPU time each */
	DEMANDS,
};

struct sim_config {
	struct rounds_config rounds; /* slots 0: so many that the smallest share is worth one, at least 100 */
	uint32_t vms;
	const uint32_t *share; /* n_share of them, repeated; NULL: random, 1..10 */
	uint32_t n_share;
	uint32_t n_rounds;    /* how long: rounds of all slots */
	double part[DEMANDS]; /* of the VMs; the rest is busy. The first VM always is */
	uint64_t on_ns;       /* mean CPU time of an on phase; off phases are vms times as long */
	double io_load;       /* of all lanes, all I/O VMs together */
	uint64_t io_ns;       /* CPU time for each wake-up */
	uint64_t switch_ns;   /* lost when a VM gets a lane that it did not have in the slot before */
	uint64_t notice_ns;   /* a slot ends when its VMs were idle for so long; not with pauses_idle */
	uint64_t least_ns;    /* a wake-up does not cut a slot shorter than this */
	uint32_t samples;     /* of the series, evenly over time; 0: none */
	uint64_t seed;
};

/* In share points, among the busy VMs: the largest difference of the CPU time's part and the share's. */
struct sim_sample {
	uint64_t time_ns;
	double error;        /* since the start */
	double error_window; /* since the sample before */
};

struct sim_result {
	double error;       /* at the end, percentage points */
	double error_slots; /* the same in slots' worth of CPU time */
	double utilisation; /* CPU time used / (time * lanes) */
	double jain;        /* of CPU time / share, busy VMs */
	uint64_t wait_ns;   /* longest that a busy VM waited for a slot */
	uint64_t wakes;     /* of I/O VMs */
	uint64_t wake_p50_ns, wake_p99_ns, wake_max_ns; /* from wake-up to running */
	uint64_t time_ns;   /* simulated */
	uint64_t decisions; /* slots begun */
	uint64_t rounds;
	uint64_t slots;     /* in a round */
	uint64_t wall_ns;   /* real time that the simulation took */
	struct sim_sample *sample; /* owned, n_samples */
	uint32_t n_samples;
};

void sim_config_default(struct sim_config *c);
/* 0, -EINVAL or -ENOMEM. On success free with sim_result_free(). */
int sim_run(const struct sim_config *c, struct sim_result *out);
void sim_result_free(struct sim_result *r);
