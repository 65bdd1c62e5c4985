/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who divides the wire during a phase: a table of schedulers that can be put in place, changed, and taken
 * away.
 */

#include "scenario.h"
#include "topo.h"

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

struct scheduler {
	int (*apply)(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
	int (*set)(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
	int (*release)(struct scheduling *s, struct errtext *e);
};

extern const struct scheduler scheduler_administrator; /* administrator.c */
extern const struct scheduler scheduler_divvy;         /* divvy.c */

/*
 * Whether this kernel has what a scheduler needs. If not, why gets one line: which parts are missing. Tried
 * once for each kind in a run of the program, in a network namespace of its own, for some 50 ms.
 */
bool scheduling_possible(enum scheduler_kind kind, char *why, size_t size);

/*
 * Start what the scenario's phases need, so that it is there when they begin. 0 or negative errno with a
 * text.
 */
int scheduling_start(struct scheduling *s, struct errtext *e);
/* Bring a phase's shares into force; returns when that is acknowledged. 0 or negative errno with a text. */
int scheduling_enter(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
/* Take the commands carried out so far; the caller's to free, NULL if there were none. */
char *scheduling_commands(struct scheduling *s);
/* Stop daemons, remove control groups; links and queues go with their namespaces. Safe on a zeroed *s. */
void scheduling_stop(struct scheduling *s);

/* Run a command in the host's namespace, and note it. */
int scheduling_run(struct scheduling *s, struct errtext *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Note a line. */
void scheduling_note(struct scheduling *s, const char *line);

/* divvy.c */
int divvy_start(struct scheduling *s, struct errtext *e);
void divvy_stop(struct scheduling *s);
/* divvy status --json; the caller's to free. 0 or negative errno. */
int divvy_status(struct scheduling *s, char **json);
/* divvy slots --json; likewise. */
int divvy_slots(struct scheduling *s, char **json);
