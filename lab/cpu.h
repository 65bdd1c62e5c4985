/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a phase with CPU slots is judged by. Each VM's CPU time is said twice: as divvyd accounts it (its
 * cgroup), and as the kernel accounts the VMM's processes.
 *
 *   CPU share   used_i / sum(used), of the VMMs' CPU time
 *   CPU error   100 * (used_i / sum(used) - share_i / sum(shares)), percentage points; VMs that send, only
 */

#include "slots.h"

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

struct cpu_vm {
	bool there;
	double share_pct, error_pp;                 /* divvyd's account */
	double entitled_pct;                        /* the same for the time that the VM was ready */
	double process_share_pct, process_error_pp; /* the kernel's account */
	double used_ms;
	uint64_t pauses;
	double longest_pause_ms; /* between two turns of the steady part */
};

struct cpu_phase {
	bool there;
	double scheduler_pct; /* the slot thread, of one core */
	double daemon_pct;    /* divvyd and its helpers, the slot thread included, of one core */
	uint64_t decisions, late_slots, skipped_slots;
	double late_max_ms;
	bool realtime;
};

/* A flat YAML mapping such as a phase's schedule, "{resource: cpu, lanes: 2}", braces optional. */

/* The value of a key; false, *value untouched, if it is not there or longer than size. text may be NULL. */
bool schedule_value(const char *text, const char *key, char *value, size_t size);
/*
 * text with the keys of over put in place of its own, or added. text NULL: "{resource: cpu}". The caller's to
 * free. 0, -EINVAL (over is not "key: value, key: value") or -ENOMEM.
 */
int schedule_override(const char *text, const char *over, char **ret);
/*
 * Whether divvy takes it as the value of schedule. 0, or -EINVAL or -ENOMEM with why, of SCHEDULE_WHY_SIZE,
 * filled.
 */
#define SCHEDULE_WHY_SIZE 256
int schedule_check(const char *text, char why[SCHEDULE_WHY_SIZE]);
