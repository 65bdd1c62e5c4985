/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Random trees of networks with reserves and limits, for a simulated HTB (htb_sim.h). The caller includes cmocka.h. */

#include "core/entitle.h"
#include "htb_sim.h"
#include "random.h"

#include <math.h>

/* A tree of networks with reserves and limits, and what its devices send. */
struct world {
	struct model m;
	struct rate demand[SIM_NODES], entitled[SIM_NODES], rate[SIM_NODES], limit[SIM_NODES];
	struct sim sim;
};

static inline uint32_t add(struct model *m, enum node_kind kind, uint32_t parent, uint64_t limit)
{
	struct node n = { .kind = kind, .parent = parent, .limit = { limit }, .share = { 1 + (uint32_t)(rnd() % 8) } };
	int64_t i = model_add(m, &n);

	assert_true(i >= 0);
	return (uint32_t)i;
}

static inline uint64_t some_limit(uint64_t capacity)
{
	return rnd() % 4 ? UINT64_MAX : capacity / 8 + rnd() % capacity;
}

static inline void grow(struct world *w, uint32_t parent, uint64_t capacity, int depth)
{
	uint32_t n = 1 + (uint32_t)(rnd() % 4);

	for (uint32_t k = 0; k < n && w->m.n_nodes < SIM_NODES - 8; k++) {
		if (depth && rnd() % 3 == 0)
			grow(w, add(&w->m, NODE_NETWORK, parent, some_limit(capacity)), capacity, depth - 1);
		else
			add(&w->m, NODE_DEVICE, parent, some_limit(capacity));
	}
}

/* Reserves of devices: together at most half of the capacity, and of each limit above them. */
static inline void reserve(struct world *w, uint64_t capacity)
{
	uint64_t room[SIM_NODES];

	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		const struct node *node = &w->m.nodes[i];

		room[i] = node->kind == NODE_UPLINK ? capacity / 2 : node->limit.bytes_ps / 2;
	}
	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		uint64_t most = UINT64_MAX;

		if (w->m.nodes[i].kind != NODE_DEVICE || rnd() % 3)
			continue;
		for (uint32_t k = i; k != NODE_NONE; k = w->m.nodes[k].parent)
			most = room[k] < most ? room[k] : most;
		w->m.nodes[i].reserve.bytes_ps = most / 4 + rnd() % (most / 2 + 1);
		for (uint32_t k = i; k != NODE_NONE; k = w->m.nodes[k].parent)
			room[k] -= w->m.nodes[i].reserve.bytes_ps;
	}
}

static inline void make_world(struct world *w, uint64_t capacity)
{
	struct rate all[SIM_NODES];

	model_init(&w->m);
	add(&w->m, NODE_UPLINK, NODE_NONE, capacity);
	grow(w, 0, capacity, 3);
	reserve(w, capacity);
	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		all[i] = RATE_UNLIMITED;
		w->limit[i] = i == 0 ? (struct rate){ capacity } :
				       rate_min(w->m.nodes[i].limit, w->limit[w->m.nodes[i].parent]);
	}
	assert_int_equal(entitle(&w->m, all, w->rate), 0);
}

/* Percentage points of the uplink between what a leaf got and what it is entitled to; the worst one. */
static inline double worst(const struct world *w, double seconds)
{
	double capacity = (double)w->m.nodes[0].limit.bytes_ps, max = 0;

	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		double error = 100 * (w->sim.c[i].sent / seconds - (double)w->entitled[i].bytes_ps) / capacity;

		if (w->m.nodes[i].kind == NODE_DEVICE)
			max = fmax(max, fabs(error));
	}
	return max;
}
