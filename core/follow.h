/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How an uplink's HTB follows demand: from what its devices send to quanta and ceilings of its leaves. */

#include "demand.h"
#include "quanta.h"

/*
 * first .. end - 1: the nodes from the uplink's on; all arrays have as many elements, the first is node first's. d[],
 * entitled[]: see demand_entitle(). out[]: of devices. O(n log n), a few times. 0; -ENOMEM: outputs are undefined.
 */
int follow_divide(const struct model *m, size_t first, size_t end, struct demand *d, struct rate *entitled,
		  struct quanta_class *out);
