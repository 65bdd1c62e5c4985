/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What VMs side by side are entitled to, by their shares, reserves and demands: the greater of reserve and share. A
 * measure of its own, by bisection, that shares no code with core/entitle.h: divvy is not judged by its own answer.
 */

#include <stddef.h>

struct claim {
	double weight;  /* > 0 */
	double reserve; /* 0: none */
	double demand;  /* INFINITY: backlogged */
};

/* out[] has n elements. All rates, and out, are in the unit of capacity. The reserves fit into it. */
void measure_entitled(const struct claim *claim, size_t n, double capacity, double *out);
