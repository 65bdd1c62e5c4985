/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether what is bound is divided in truth (undivided.h), and a line in the log where that
 * changes.
 */

#include "lookout.h"
#include "plan/plan.h"

/* Borrowed. */
struct divided_input {
	const struct dataplane *plane;
	const struct host *host;
	struct others *others; /* programs of a vNIC that changes are read again */
	const struct plan *running;
};

/* Look, and log. Returns the nanoseconds until the next look. */
uint64_t divided_look(struct undivided *u, const struct divided_input *in);
