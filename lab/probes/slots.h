/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The grid of CPU slots: each VM's turns, from the opening of its gate (thaw) to its closing (freeze), as
 * divvyd recorded them. Pure functions; nanoseconds of CLOCK_MONOTONIC.
 */

#include "lab/net/topo.h"
#include "lab/measure/measure.h"

/* Ascending and disjoint for each VM. Owned. */
struct slots {
	struct window *turn[TOPO_VMS_MAX];
	size_t n[TOPO_VMS_MAX];
};

/*
 * From "divvy slots --json", turns that lie in the window; pid[i] is VM i's. A turn that has not ended yet is
 * not in it. 0, -EBADMSG, -ENOMEM; *out is to be freed with slots_free() on success.
 */
int slots_parse(const char *json, const pid_t *pid, size_t n_vms, struct window in, struct slots *out);
/*
 * The same grid as if it had begun at to_ns instead of from_ns; what would reach end_ns is left away. 0 or
 * -ENOMEM.
 */
int slots_shift(const struct slots *s, size_t n_vms, uint64_t from_ns, uint64_t to_ns, uint64_t end_ns,
		struct slots *out);
bool slots_empty(const struct slots *s, size_t n_vms);
/* The longest time between two turns of a VM, 0 with fewer than two. */
uint64_t slots_longest_pause(const struct slots *s, size_t vm);
void slots_free(struct slots *s);
