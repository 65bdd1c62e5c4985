/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A simulated HTB whose quanta and ceilings follow demand as divvyd lets them: core/follow.h decides by what is read of
 * the classes at each look, never by what the senders mean to do. Time is virtual. The caller includes cmocka.h.
 */

#include "core/follow.h"
#include "htb_world.h"

#include <stdio.h>

#define FOLLOW_LOOK 0.025  /* seconds from look to look */
#define FOLLOW_STEP 2e-4   /* the simulation's; a packet of 1,514 bytes takes 2.5e-4 at 48 Mbit/s */
#define FOLLOW_PACKET 1514

struct followed {
	struct world w;
	struct demand d[SIM_NODES];
	struct rate entitled[SIM_NODES];
	struct quanta_class now[SIM_NODES];
	double before[SIM_NODES]; /* sent at the start of what is measured */
	double since;             /* when that was */
	size_t divisions;
};

/* HTB's tokens are time: a class that gets another ceiling keeps them so. */
static inline void follow_set_class(struct sim_class *c, double ceil, uint32_t quantum)
{
	c->ctokens = c->ctokens / c->ceil * ceil;
	c->ceil = ceil;
	c->cburst = fmax(ceil / 100, FOLLOW_PACKET);
	c->quantum = quantum;
}

static inline void follow_look(struct followed *f)
{
	const struct model *m = &f->w.m;
	bool due = false;

	while (sim_dequeue(&f->w.sim)) /* what has just come does not wait */
		;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct sim_class *c = &f->w.sim.c[i];

		if (c->leaf && demand_look(&f->d[i], (uint64_t)c->sent, sim_has_packet(c), m->nodes[0].limit,
					   (uint64_t)(f->w.sim.now * 1e9) + 1))
			due = true;
	}
	if (!due)
		return;
	f->divisions++;
	assert_int_equal(follow_divide(m, 0, m->n_nodes, f->d, f->entitled, f->now), 0);
	for (uint32_t i = 0; i < m->n_nodes; i++)
		if (f->w.sim.c[i].leaf)
			follow_set_class(&f->w.sim.c[i], (double)f->now[i].ceil.bytes_ps, f->now[i].quantum);
}

static inline void follow_for(struct followed *f, double seconds)
{
	for (double end = f->w.sim.now + seconds; f->w.sim.now < end;) {
		sim_run(&f->w.sim, FOLLOW_LOOK, FOLLOW_STEP);
		follow_look(f);
	}
}

static inline void follow_make(struct followed *f, uint64_t capacity)
{
	*f = (struct followed){ 0 };
	make_world(&f->w, capacity);
	f->w.sim.n = (uint32_t)f->w.m.n_nodes;
	for (uint32_t i = 0; i < f->w.sim.n; i++) {
		struct sim_class *c = &f->w.sim.c[i];

		c->parent = i == 0 ? SIM_NONE : f->w.m.nodes[i].parent;
		c->leaf = f->w.m.nodes[i].kind == NODE_DEVICE;
		c->ceil = (double)f->w.limit[i].bytes_ps;
		c->rate = i == 0 ? c->ceil : c->leaf ? fmax((double)f->w.rate[i].bytes_ps, 1000) : 1000;
		c->burst = fmax(c->rate / 100, FOLLOW_PACKET);
		c->cburst = fmax(c->ceil / 100, FOLLOW_PACKET);
		c->quantum = 65536;
		c->packet = FOLLOW_PACKET;
		f->d[i].guaranteed.bytes_ps = (uint64_t)c->rate;
		f->d[i].limit = f->w.limit[i];
	}
}

/* Each device is idle, sends steadily, or is backlogged from now on. */
static inline void follow_new_pattern(struct followed *f)
{
	for (uint32_t i = 0; i < f->w.m.n_nodes; i++) {
		uint64_t kind = rnd() % 3;

		if (!f->w.sim.c[i].leaf)
			continue;
		f->w.demand[i] = RATE_UNLIMITED;
		if (kind == 0)
			f->w.demand[i] = RATE_ZERO;
		else if (kind == 1)
			f->w.demand[i].bytes_ps = f->w.rate[i].bytes_ps * (30 + rnd() % 81) / 100;
		f->w.sim.c[i].arrives = rate_is_unlimited(f->w.demand[i]) ? -1 : (double)f->w.demand[i].bytes_ps;
		f->w.sim.c[i].waiting = 0;
	}
	assert_int_equal(entitle(&f->w.m, f->w.demand, f->w.entitled), 0);
}

/* What leaf i sent on average since the start of what is measured, bytes per second. Looks are whole: it may last longer. */
static inline double follow_got(const struct followed *f, uint32_t i)
{
	return (f->w.sim.c[i].sent - f->before[i]) / (f->w.sim.now - f->since);
}

/* The worst device's error in one pattern, points of the uplink; the first second is left out. */
static inline double follow_pattern(struct followed *f, double seconds)
{
	double max = 0, capacity = (double)f->w.m.nodes[0].limit.bytes_ps;

	follow_new_pattern(f);
	follow_for(f, 1);
	for (uint32_t i = 0; i < f->w.sim.n; i++)
		f->before[i] = f->w.sim.c[i].sent;
	f->since = f->w.sim.now;
	follow_for(f, seconds - 1);
	for (uint32_t i = 0; i < f->w.sim.n; i++)
		if (f->w.sim.c[i].leaf)
			max = fmax(max, 100 * fabs(follow_got(f, i) - (double)f->w.entitled[i].bytes_ps) / capacity);
	return max;
}
