/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What divvyd says of CPU slots, in its status. */

#include "lab/net/topo.h"

/* Counters of one "divvy status --json", cumulative. */
struct cpu_reading {
	bool there; /* false: nothing was read */
	struct {
		bool member; /* takes part in the slots */
		uint64_t used_ns, entitled_ns, pauses;
	} vm[TOPO_VMS_MAX];
	uint64_t scheduler_ns; /* the slot thread's own CPU time */
	uint64_t decisions, late_slots, skipped_slots;
	double late_max_ms; /* since it was started */
	bool realtime;
};

/* names[i] is VM i's. 0, -ENODATA (CPUs are not scheduled) or -EBADMSG; *out is untouched on failure. */
int cpu_reading_parse(const char *json, const char *const *names, size_t n_vms, struct cpu_reading *out);
