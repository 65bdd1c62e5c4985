/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pausing by CPU bandwidth control: the smallest quota that the kernel takes, in the longest period.
 *
 * Theory of Operation
 * "Paused" is 1 ms of CPU time a second (min_cfs_quota_period and max_cfs_quota_period, kernel/sched/core.c):
 * 0.1 % of a core leaks through, and the pause begins when a CPU next asks for runtime, at the latest at its
 * next tick. "Running" is a quota that no host can use up instead of "max": turning bandwidth control on and
 * off for the first group patches kernel code on all CPUs. cgroup v2 writes quota and period at once; v1 has
 * a file for each, and there the period is left as it is (100 ms as a rule, so 1 % leaks), for a guard undoes
 * with a single write. Documentation/scheduler/sched-bwc.rst.
 */
#include "gate_kinds.h"

#include "gate_file.h"

#include "core/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_US 1000000
#define PERIOD_MIN_US 1000
#define QUOTA_MIN_US 1000
/* 10,000 CPUs' worth; the kernel's own bound is above 2^43 us */
#define QUOTA_ENOUGH_US 10000000000

static enum cgroup_tree tree(const struct cgroup_host *h)
{
	if (*h->mount[CGROUP_V1_CPU])
		return CGROUP_V1_CPU;
	return *h->mount[CGROUP_V2] && h->v2_cpu ? CGROUP_V2 : CGROUP_TREES;
}

static int write_number(const struct gate *g, const char *file, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return cgroup_write(g->dir, file, text);
}

static const char *burst_file(const struct gate *g)
{
	return g->tree == CGROUP_V2 ? "cpu.max.burst" : "cpu.cfs_burst_us";
}

static uint64_t read_number(const struct gate *g, const char *file)
{
	char text[32];

	return gate_read_line(g, file, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

static int open_quota(struct gate *g)
{
	bool v2 = g->tree == CGROUP_V2;
	const char *file = v2 ? "cpu.max" : "cpu.cfs_quota_us";
	char before[sizeof(g->undo.value)];
	int r;

	g->burst_us = read_number(g, burst_file(g)); /* 0 before 5.14 */
	g->burst = gate_open_file(g, burst_file(g), O_WRONLY);
	g->period_us = v2 ? 0 : read_number(g, "cpu.cfs_period_us");
	if (!v2 && !g->period_us)
		return -ENOENT;

	g->control = gate_open_file(g, file, O_WRONLY);
	if (g->control < 0)
		return g->control;
	g->events = gate_open_file(g, file, O_RDONLY);
	if (g->events < 0)
		return g->events;
	r = gate_read_line(g, file, before, sizeof(before));
	return r < 0 ? r : gate_set_undo(g, file, before);
}

static int set_quota(struct gate *g, uint64_t quota_us, uint64_t period_us)
{
	char text[64];

	if (g->tree == CGROUP_V2) {
		snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)quota_us,
			 (unsigned long long)period_us);
		return gate_write(g->control, text);
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)quota_us);
	return gate_write(g->control, text);
}

/* No burst may be larger than its quota: a burst that was set before is put off until the gate closes. */
static int pause_quota(struct gate *g)
{
	int r = set_quota(g, QUOTA_MIN_US, PERIOD_US);

	if (r != -EINVAL || g->burst < 0 || gate_write(g->burst, "0") < 0)
		return r;
	return set_quota(g, QUOTA_MIN_US, PERIOD_US);
}

static int run_quota(struct gate *g)
{
	int r = set_quota(g, QUOTA_ENOUGH_US, PERIOD_US);

	/* v1 refuses more than the parent's quota: no limit of its own, then */
	return r == -EINVAL && g->tree == CGROUP_V1_CPU ? gate_write(g->control, "-1") : r;
}

static int state_quota(struct gate *g, enum gate_state *out)
{
	char text[64];
	ssize_t k = pread(g->events, text, sizeof(text) - 1, 0);

	if (k < 0)
		return -errno;
	*out = g->paused ? GATE_PAUSED : GATE_RUNNING;
	return 0;
}

static int allot_quota(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns)
{
	uint64_t period_us = period_ns / NSEC_PER_USEC, quota_us = run_ns / NSEC_PER_USEC;
	uint64_t burst_us = burst_ns / NSEC_PER_USEC;
	int r;

	if (period_us < PERIOD_MIN_US || period_us > PERIOD_US)
		return -EINVAL;
	if (g->tree == CGROUP_V1_CPU) {
		quota_us = (uint64_t)((double)quota_us * (double)g->period_us / (double)period_us);
		burst_us = (uint64_t)((double)burst_us * (double)g->period_us / (double)period_us);
	}
	quota_us = quota_us < QUOTA_MIN_US ? QUOTA_MIN_US : quota_us;
	/* the kernel wants burst <= quota at every moment: lower it first, raise it last */
	(void)write_number(g, burst_file(g), 0);
	r = set_quota(g, quota_us, period_us);
	if (r < 0 || burst_us == 0)
		return r;
	r = write_number(g, burst_file(g), burst_us < quota_us ? burst_us : quota_us);
	return r == -ENOENT ? 0 : r; /* before 5.14 */
}

static int close_quota(struct gate *g)
{
	int r;

	(void)write_number(g, burst_file(g), 0);
	r = gate_write(g->control, g->undo.value);
	if (r >= 0 && g->burst_us)
		(void)write_number(g, burst_file(g), g->burst_us);
	return r;
}

const struct gate_ops gate_quota = {
	.kind = GATE_QUOTA,
	.slot_min_ns = GATE_QUOTA_SLOT_MIN_NS,
	.slot_min_why = "a quota takes effect at a scheduler tick, and 1 ms leaks through each pause",
	.controller = "cpu",
	.tree = tree,
	.open = open_quota,
	.pause = pause_quota,
	.run = run_quota,
	.state = state_quota,
	.allot = allot_quota,
	.close = close_quota,
};
