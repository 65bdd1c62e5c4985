/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * HTB's own scheduling, packet by packet in virtual time, after net/sched/sch_htb.c (Linux 6.12): modes by tokens
 * (htb_class_mode()), leaves within their rate first, then deficit round robin over those that borrow from the
 * uplink's class (htb_lookup_leaf() walks them depth first: one that ends its quantum makes way for the next of the
 * whole tree), tokens and ceilings charged as htb_charge_class() does. Left out: what networks lend at their own
 * nominal rates, and how late the watchdog wakes.
 */

#include "core/types.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIM_NODES 64
#define SIM_NONE UINT32_MAX

struct sim_class {
	uint32_t parent; /* SIM_NONE: the uplink's */
	bool leaf;
	double rate, ceil;     /* bytes per second */
	double burst, cburst;  /* bytes */
	uint32_t quantum;      /* leaves only, as all that follows */
	uint32_t packet;       /* length of each */
	double arrives;        /* bytes per second; negative: there is always one more */
	double waiting, sent;  /* bytes */
	double tokens, ctokens;
	double deficit[2];     /* within its rate; borrowing */
};

struct sim {
	struct sim_class c[SIM_NODES]; /* preorder, as HTB's classids; 0: the uplink's */
	uint32_t n;
	double now; /* seconds */
	uint32_t at[2]; /* whose turn it is, within rates and borrowing */
};

static inline double sim_least(double a, double b)
{
	return a < b ? a : b;
}

/* Let time pass: tokens and packets come. */
static inline void sim_pass(struct sim *s, double seconds)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct sim_class *c = &s->c[i];

		c->tokens = sim_least(c->burst, c->tokens + c->rate * seconds);
		c->ctokens = sim_least(c->cburst, c->ctokens + c->ceil * seconds);
		if (c->leaf && c->arrives > 0)
			c->waiting += c->arrives * seconds;
	}
	s->now += seconds;
}

static inline bool sim_has_packet(const struct sim_class *c)
{
	return c->leaf && (c->arrives < 0 || c->waiting >= c->packet);
}

/* Whether no ceiling from the class up to the uplink's forbids. */
static inline bool sim_may_borrow(const struct sim *s, uint32_t i)
{
	for (; i != SIM_NONE; i = s->c[i].parent)
		if (s->c[i].ctokens < 0)
			return false;
	return true;
}

/* level 0: within its rate; 1: borrowing. */
static inline bool sim_may_send(const struct sim *s, uint32_t i, int level)
{
	const struct sim_class *c = &s->c[i];

	if (!sim_has_packet(c))
		return false;
	if (level == 0)
		return c->ctokens >= 0 && c->tokens >= 0;
	return c->tokens < 0 && s->c[0].tokens >= 0 && sim_may_borrow(s, i);
}

static inline void sim_send(struct sim *s, uint32_t leaf, int level)
{
	struct sim_class *c = &s->c[leaf];

	if (c->arrives >= 0)
		c->waiting -= c->packet;
	c->sent += c->packet;
	c->deficit[level] -= c->packet;
	if (c->deficit[level] < 0) {
		c->deficit[level] += c->quantum;
		s->at[level] = leaf + 1;
	} else {
		s->at[level] = leaf;
	}
	for (uint32_t i = leaf; i != SIM_NONE; i = s->c[i].parent) {
		if (level == 0 || i == 0)
			s->c[i].tokens -= c->packet;
		s->c[i].ctokens -= c->packet;
	}
}

/* One packet, if one may go. */
static inline bool sim_dequeue(struct sim *s)
{
	for (int level = 0; level < 2; level++)
		for (uint32_t k = 0; k < s->n; k++) {
			uint32_t i = (s->at[level] + k) % s->n;

			if (!sim_may_send(s, i, level))
				continue;
			sim_send(s, i, level);
			return true;
		}
	return false;
}

/* For so many seconds, in steps of at most this many. */
static inline void sim_run(struct sim *s, double seconds, double step)
{
	double end = s->now + seconds;

	while (s->now < end) {
		while (sim_dequeue(s))
			;
		sim_pass(s, step);
	}
}
