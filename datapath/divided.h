/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether what is bound is divided in truth (undivided.h), and an event (base/event.h) where that changes. */

#include "lookout.h"
#include "plan/plan.h"

/* Borrowed. */
struct divided_input {
	const struct dataplane *plane;
	const struct host *host;
	struct others *others; /* programs of a vNIC that changes are read again */
	const struct plan *running;
	int softnet; /* lookout.h */
};

/*
 * Look, and log. *tcx is set where a vNIC that divvy's tcx program is at is undivided from now on: no event tells that
 * the program was taken away, or that another one stands there. Returns the nanoseconds until the next look.
 */
uint64_t divided_look(struct undivided *u, const struct divided_input *in, bool *tcx);
