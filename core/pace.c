// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * Guests decide when they send, so they decide when divvyd looks. Three things keep the cost in bounds.
 *
 * 1. The period grows with the number of active devices, by what reading each of them costs. While no device is
 *    backlogged no device holds up another, and looks are rarer.
 * 2. A look costs what it costs: a division takes 0.7 us for each device of the uplink, active or not, and the kernel's
 *    work depends on the host. So the next look waits for COST_PERIODS times what the dearest of the latest ones took.
 * 3. A device that wakes up is looked at sooner, but a guest can wake and sleep at will, and many guests in turn. So
 *    wake-ups bring a look forward to a WAKE_PART of the period at most, and wait for COST_WAKES times what a look took.
 *
 * Asking for one class takes the kernel and divvyd 2 to 4 us, a dump 1 to 5 us for each class (Linux 6.18, 2,000 and 10,000
 * classes): a few among many are asked for one by one, however many these few are.
 */
#include "pace.h"

#define PERIOD_NS (25 * NSEC_PER_MSEC)
#define PER_ACTIVE_NS (120 * NSEC_PER_USEC)
#define CALM_FACTOR 2
#define COST_PERIODS 20 /* 5 % of a core */
#define COST_WAKES 10
#define COST_KEPT 8     /* a cheaper look takes this part off what is kept of a dearer one */
#define WAKE_NS (2 * NSEC_PER_MSEC) /* from the first packets to a look that can see a queue */
#define WAKE_PART 4
#define SINGLE_PART 8

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void pace_looked(struct pace *p, uint64_t begun_ns, uint64_t cost_ns)
{
	p->looked_ns = begun_ns;
	p->cost_ns = larger(cost_ns, p->cost_ns - p->cost_ns / COST_KEPT);
}

static uint64_t by_number(size_t active, bool calm)
{
	return (PERIOD_NS + active * PER_ACTIVE_NS) * (calm ? CALM_FACTOR : 1);
}

uint64_t pace_period_ns(const struct pace *p, size_t active, bool calm)
{
	return larger(by_number(active, calm), COST_PERIODS * p->cost_ns);
}

uint64_t pace_wake_ns(const struct pace *p, size_t active, bool calm, uint64_t now_ns)
{
	uint64_t apart = active ? by_number(active, calm) / WAKE_PART : 0;

	return larger(p->looked_ns + larger(apart, COST_WAKES * p->cost_ns), now_ns + WAKE_NS);
}

bool pace_singly(size_t active, size_t leaves)
{
	return active * SINGLE_PART <= leaves;
}
