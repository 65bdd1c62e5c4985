/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who is entitled to what, by bisection of the water level at each node, in floating point: hierarchical weighted
 * max-min with floors and ceilings over demand. It shares nothing with core/entitle.c.
 */

#include <math.h>
#include <stdbool.h>

#define REF_NODES 2048
#define REF_NONE (-1)

struct ref_node {
	int parent; /* lower than the node's own index; REF_NONE: the uplink */
	bool device;
	double share, reserve, limit; /* rates in one unit; INFINITY: no limit */
	double demand;                /* a device's; INFINITY: all it can get */
	double most, floor, entitled;
};

static inline double ref_at(const struct ref_node *c, double level)
{
	return fmin(c->most, fmax(c->floor, level * c->share));
}

static inline void ref_divide(struct ref_node *n, int count, int parent)
{
	double low = 0, high = 1e18, got = n[parent].entitled;

	for (int round = 0; round < 200; round++) {
		double level = (low + high) / 2, sum = 0;

		for (int i = 0; i < count; i++)
			if (n[i].parent == parent)
				sum += ref_at(&n[i], level);
		if (sum > got)
			high = level;
		else
			low = level;
	}
	for (int i = 0; i < count; i++)
		if (n[i].parent == parent)
			n[i].entitled = ref_at(&n[i], low);
}

/* One uplink, n[0]; fills entitled. */
static inline void ref_entitle(struct ref_node *n, int count)
{
	for (int i = 0; i < count; i++) {
		n[i].most = n[i].device ? n[i].demand : 0;
		n[i].floor = 0;
	}
	for (int i = count - 1; i >= 0; i--) {
		n[i].most = fmin(n[i].most, n[i].limit);
		n[i].floor = fmax(n[i].floor, n[i].reserve);
		if (n[i].parent == REF_NONE)
			continue;
		n[n[i].parent].most += n[i].most;
		n[n[i].parent].floor += n[i].floor;
	}
	for (int i = 0; i < count; i++)
		n[i].floor = fmin(n[i].floor, n[i].most);
	n[0].entitled = n[0].most;
	for (int i = 0; i < count; i++)
		if (!n[i].device)
			ref_divide(n, count, i);
}
