/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The schedulers of a run, one after the other as its phases want them. */

#include "lab/schedulers/scheduler.h"

/* Of a kind; NULL: none, there is nothing to be done. */
const struct scheduler *scheduling_of(enum scheduler_kind kind);
/* Whether this kernel has what a scheduler needs. If not, why gets one line: which parts are missing. */
bool scheduling_possible(enum scheduler_kind kind, char *why, size_t size);

/*
 * Start what the scenario's phases need, so that it is there when they begin. 0 or negative errno with a
 * text.
 */
int scheduling_start(struct scheduling *s, struct errtext *e);
/* Bring a phase's shares into force; returns when that is acknowledged. 0 or negative errno with a text. */
int scheduling_enter(struct scheduling *s, const struct scenario_phase *p, struct errtext *e);
/* Stop daemons, remove control groups; links and queues go with their namespaces. Safe on a zeroed *s. */
void scheduling_stop(struct scheduling *s);
