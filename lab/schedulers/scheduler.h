/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who divides the wire during a phase: what is put in place, changed, and taken away. */

#include "kernel_part.h"
#include "lab/net/topo.h"
#include "lab/scenario/scenario.h"

struct peer_cgroups;

/* State of a run's schedulers. */
struct scheduling {
	const struct scenario *scenario; /* borrowed */
	const struct topo *topo;         /* borrowed */
	struct vm *const *vm;            /* the scenario's VMs; borrowed */
	const char *dir;                 /* for files of this run; borrowed */
	const char *log_path;            /* of divvyd's messages; borrowed */
	enum scheduler_kind active;
	const char *schedule;            /* of CPU slots, in force; borrowed from the scenario, may be NULL */
	pid_t divvyd;                    /* 0: not started */
	char *commands;                  /* carried out since scheduling_commands(), one a line; owned */
	size_t commands_size;
	struct peer_cgroups *cgroups;    /* of VMs, made by a peer; owned */
};

/* Where a VM's packets wait, for who looks into the queues. */
enum scheduler_queues {
	QUEUES_UNKNOWN,
	QUEUES_DIVVY,  /* divvy's filter at the VM's device leads there */
	QUEUES_UPLINK, /* administrator_minor() at the uplink */
};

struct scheduler {
	int (*apply)(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
	int (*set)(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
	int (*release)(struct scheduling *s, struct errtext *e);
	enum kernel_part needs[KERNEL_PARTS_MAX];
	enum scheduler_queues queues;
	bool by_cpu; /* VMs are held by their processors: a flood offers what it may */
};

#define SCHEDULER_OBJECT(kind, name, object) extern const struct scheduler scheduler_##object;
SCHEDULER_TABLE(SCHEDULER_OBJECT)
#undef SCHEDULER_OBJECT

/* Run a command in the host's namespace, and note it; several lines: one after the other until one fails. */
int scheduling_run(struct scheduling *s, struct errtext *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Note a line. */
void scheduling_note(struct scheduling *s, const char *line);
/* Take the commands carried out so far; the caller's to free, NULL if there were none. */
char *scheduling_commands(struct scheduling *s);
