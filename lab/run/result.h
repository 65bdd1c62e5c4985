/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A run's phases: what was observed in each, and what follows from it. Filled by run.c and evaluate.c, read by
 * whatever writes it down.
 */

#include "lab/measure/kinds.h"
#include "lab/measure/measure.h"
#include "lab/probes/slots.h"
#include "lab/probes/backlog.h"
#include "lab/probes/cpu.h"
#include "lab/probes/observe.h"
#include "lab/scenario/scenario.h"
#include "lab/traffic/heard.h"
#include "lab/traffic/video.h"

/*
 * What a phase with CPU slots is judged by. Each VM's CPU time is said twice: as divvyd accounts it (its
 * cgroup), and as the kernel accounts the VMM's processes.
 *
 *   CPU share   used_i / sum(used), of the VMMs' CPU time
 *   CPU error   100 * (used_i / sum(used) - share_i / sum(shares)), percentage points; VMs that send, only
 */

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

struct vm_result {
	double mbps;         /* delivered */
	double offered_mbps; /* handed to the tap */
	double entitled_mbps;
	double entitlement_error_pp; /* NAN: the phase gives no reserves, or what it offers is not known */
	bool backlogged;     /* had enough to send for its entitlement */
	double share_pct, error_pp; /* NAN: not backlogged, not loaded, or idle */
	double loss_pct;     /* NAN where the traffic has no sequence numbers */
	bool has_gaps, has_inside, has_across;
	struct gaps gaps;    /* all */
	struct gaps inside;  /* inside slots */
	struct gaps across;  /* all others */
	struct cpu_vm cpu;
	double cpu_cores, cpu_per_mbit;
	size_t n_rtts;
	double rtt_p50_ms, rtt_p99_ms;
	int sndbuf;          /* bytes of truesize, 0: unknown or not limited */
	double empty_pct;    /* of looks into its queue that found it empty; NAN: no queue of its own */
	struct video_result video;
	double measures[MEASURE_KINDS_MAX]; /* of the table, in its order; NAN */
	double bound_ms;     /* sndbuf / entitled rate: what may stand in the queue; NAN */
};

struct phase_result {
	const struct scenario_phase *phase; /* borrowed */
	unsigned repetition;                /* from 1 */
	uint64_t asked_ns, acked_ns;        /* before the change was asked for, after it was acknowledged */
	/* from then, or from the traffic's start if it rested, to the end */
	struct window window;
	struct observation begin, warm, end;
	struct backlog_count backlog[TOPO_VMS_MAX];
	int sndbuf[TOPO_VMS_MAX];
	char *commands;                     /* carried out at its start, one a line; may be NULL */
	char *status;                       /* divvy status --json at its end; may be NULL */
	struct cpu_reading cpu_warm, cpu_end;
	/* turns of its steady part; of an unscheduled phase: the grid it is cut on */
	struct slots slots;
	const char *slots_of;               /* the phase whose grid that is; NULL: none; borrowed */
	struct cpu_phase cpu;

	struct vm_result vm[TOPO_VMS_MAX];
	struct window steady;
	double total_mbps, utilisation, jain;
	uint64_t queue_drops, wire_drops;   /* packets, the whole phase */
	double settled_ms;                  /* NAN: no change, or never settled */
	/* the lab's longest delay: its own looks waited for the kernel or a processor */
	double late_ms;
	double others_cores;                /* processors' time that others than the VMs used */
	bool changed;                       /* the phase began with new shares */
	bool woken[TOPO_VMS_MAX];           /* began to send while others went on */
	char skipped[160];                  /* why the phase was not gone through; "": it was */
};

#define RESULT_DATE_SIZE 32

struct result {
	const struct scenario *scenario; /* borrowed */
	const char *accel;
	char accel_why[128];
	char guest_kernel[64], host_kernel[70], machine[80], commit[48], date[RESULT_DATE_SIZE];
	uint64_t start_ns; /* the first phase's beginning */
	struct phase_result *phases;
	size_t n_phases;   /* that came to their end */
	struct trace trace[TOPO_VMS_MAX]; /* borrowed from the meters */
	uint64_t arrivals_lost;           /* the meters' traces were too short */
	struct heard heard[TOPO_VMS_MAX];
	bool load_known; /* there was a phase without scheduler */
	bool loaded;     /* and the guests filled the wire in it */
};

/* The wire counts as full from here on; the rest is rounding of its token bucket. */
#define RESULT_FULL 0.97

/* Compute everything behind the observations. 0 or -ENOMEM. */
int result_evaluate(struct result *r);
/* The part of it that concerns CPU slots (evaluate_cpu.c). 0 or -ENOMEM. */
int result_evaluate_cpu(struct result *r);
/* The part that concerns video; runs ffmpeg, seconds for each phase. 0 or negative errno with a text. */
int result_evaluate_video(struct result *r, struct errtext *e);
/* Now, as summary.json says it: "2026-11-29T14:40:00Z". */
void result_date(char text[RESULT_DATE_SIZE]);
/* Fill in machine, kernel, date and commit. */
void result_describe(struct result *r);
/* Free what it owns. */
void result_free(struct result *r);

/* Whether ratios of this phase mean something: it carried load, and the guests can fill the wire. */
bool result_judged(const struct result *r, const struct phase_result *p);
