/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is to tell of whether a device or network gets what it is promised. */

#include "datapath/promises.h"

struct snapshot_promise {
	bool known;       /* it was read since it is there, or divvyd runs; false: the rest is 0 */
	bool measured;    /* there is a window that ended lately; false: these three are 0 */
	struct rate delivered, entitled;
	double error_pp;
	uint64_t measured_ns; /* the latest window's end; CLOCK_MONOTONIC; 0: there was none */
	uint64_t reserve_missed, below;
	uint64_t violated_ns; /* 0: never */
	uint64_t changed_ns;  /* 0: never */
	uint64_t settled_ns;  /* since then; 0: not yet */
};

/* m: of the running plan in that direction, and node one of it. */
void snapshot_promise_make(const struct promises *p, const struct model *m, uint32_t node, enum direction direction,
			   uint64_t now_ns, struct snapshot_promise *out);
