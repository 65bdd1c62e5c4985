/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A scenario: which VMs send what over which wire, and what is done to them in which order. A data file,
 * lab/scenarios/NAME.yaml; its keys are those of the tables in scenario_file.c.
 */

#include "core/types.h"
#include "lab/net/topo.h"
#include "lab/proc/proc.h"
#include "lab/traffic/traffic.h"
#include "lab/vm/vm.h"
#include "scheduler_kind.h"

#include <stddef.h>

const char *scheduler_name(enum scheduler_kind kind);
int scheduler_from_name(const char *name); /* the kind, or -EINVAL */

enum phase_action {
	ACTION_AUTO, /* set if the scheduler is already there, else apply; for none: release what is there */
	ACTION_APPLY,
	ACTION_SET,
	ACTION_RELEASE,
};
int action_from_name(const char *name); /* the action, or -EINVAL */

#define SCENARIO_FIGURES_MAX 12

struct scenario_vm {
	char *name;
	struct traffic_config traffic;
	bool sends;       /* false: it has no traffic of its own */
	bool receives;    /* its traffic is what its server sends to it */
	size_t of;        /* index of the VM that it is: its own, or that of the VM that sends, too */
	bool ping;        /* a ping every 100 ms beside it */
	enum vm_nic nic;
	enum vm_qdisc qdisc;
	enum vm_kind kind;
};

/*
 * Of a scenario that is gone through under several schedulers, each phase is a step under one of them: its
 * name is "UNDER" or "UNDER, STEP".
 */
struct scenario_phase {
	char *name;
	char *under, *step;  /* NULL: the scenario names its phases one by one */
	bool fresh;          /* the first step under a scheduler: traffic starts anew, after the change */
	bool full;           /* left out of quick runs */
	enum scheduler_kind scheduler;
	enum phase_action action;
	struct share shares[TOPO_VMS_MAX]; /* one for each VM; equal where the file gives none */
	bool has_shares;
	struct rate reserve[TOPO_VMS_MAX]; /* one for each VM; RATE_ZERO: none */
	bool has_reserves;   /* the phase is judged by what reserves and shares entitle to */
	unsigned seconds;
	bool silent[TOPO_VMS_MAX]; /* VMs that have traffic and do not send in this phase */
	bool idle;           /* the traffic of all rests; pings go on */
	char *backpressure;  /* for divvy's specification: "auto", "on", "off"; NULL: not said */
	char *schedule;      /* for divvy's specification, after "schedule: "; NULL: not said */
};

struct scenario {
	char *name, *title;
	char *section;        /* of the evaluation; NULL: not in it */
	unsigned figures[SCENARIO_FIGURES_MAX]; /* of the paper, which it redraws; 0 ends the list */
	unsigned quick;       /* seconds of each phase in a quick evaluation; 0: not in it */
	struct rate wire;     /* what the wire carries, frames of layer 2; 0: no limit */
	bool half_demand;     /* the wire is set to half of what the guests send without one */
	/* of the wire, which the scheduler is told: thousandths; 0: capacity is absolute */
	unsigned capacity_pm;
	uint32_t queue;       /* bytes that the wire holds before it drops; 0: as topo.h says */
	struct rate capacity; /* what the scheduler is told */
	enum topo_kind topology;
	bool tcp;             /* some traffic is TCP: the wider rule for "settled" holds */
	unsigned pin;         /* each VM is confined to one of so many cores, round robin; 0: they are not */
	bool pin_devices;     /* pin: its CPUs only; the device threads of all VMs are on the core behind those */
	unsigned repeat;      /* how often the phases are gone through; 1 */
	bool rx;              /* some VM receives: the wire has its limit in both directions, the capacity counts in each */
	struct scenario_vm *vms;
	size_t n_guests;      /* VMs: the first of vms */
	size_t n_vms;         /* these, and behind them "NAME-rx" for each VM that sends and receives: what it receives */
	struct scenario_phase *phases;
	size_t n_phases;
};

/* The place of a section of the evaluation in its order: "figures", "promises", "peers", "video", "guests". -EINVAL */
int scenario_section(const char *name);

#define SCENARIO_SECONDS_MIN 3 /* the first 2 s of a phase are not counted */
#define SCENARIO_SECONDS_MAX 3600

/*
 * Load a file. 0 with *ret to be freed with scenario_free(); -EINVAL, -ENOENT, -ENOMEM with a line of text.
 */
int scenario_load(const char *path, struct scenario **ret, struct errtext *e);
struct scenario *scenario_free(struct scenario *s); /* NULL is fine; returns NULL */
void scenario_freep(struct scenario **s);

static inline bool scenario_unlimited(const struct scenario *s)
{
	return s->wire.bytes_ps == 0;
}

/* Put keys in place of those of every CPU phase's schedule. 0 or negative errno with a text. */
int scenario_set_schedule(struct scenario *s, const char *over, struct errtext *e);
/* Give it a wire, and the capacity that follows from it. */
void scenario_set_wire(struct scenario *s, struct rate wire);
/*
 * Make it a quick one: without its full phases, each of s->quick seconds, once. -ENOENT if it is not part of
 * that.
 */
int scenario_make_quick(struct scenario *s);
/* Whether a VM sends in a phase. */
bool scenario_sends(const struct scenario *s, const struct scenario_phase *p, size_t vm);
/* Change the length of all phases. -EINVAL out of bounds. */
int scenario_set_seconds(struct scenario *s, unsigned seconds);
/* All phases, all repetitions. */
unsigned scenario_seconds(const struct scenario *s);
