/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A look at what the kernel has of divvy's, compared with what runs: what other programs removed or changed is
 * noted, and said in the log, with the name of the device or uplink. The caller then applies (reconcile.h).
 */

#include "dataplane.h"
#include "plan/plan.h"
#include "repairs.h"

/* What is looked at; all of it is borrowed. */
struct look {
	struct dataplane *plane;
	const struct plan *running; /* without bindings: nothing runs yet */
	struct repairs *repairs;
};

/*
 * ifindex: the links to look at, ascending; NULL: all. l->plane->have is then what was seen. The number of
 * differences from what runs, with what divvyd itself left to be done; or negative errno, with
 * the plane untouched.
 */
int look(const struct look *l, const uint32_t *ifindex, size_t n);
/* The same at what dataplane_look_turn() looks at. */
int look_turn(const struct look *l, const struct host *h);

/* An event said that a vNIC's filter is gone, with its qdisc perhaps; d->plane.have says so already. */
void look_filter_gone(const struct look *l, uint32_t ifindex);
