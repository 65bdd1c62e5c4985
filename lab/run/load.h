/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All traffic of a run: who sends now, and what the programs have said so far. */

#include "lab/traffic/heard.h"
#include "lab/traffic/traffic.h"
#include "testbed.h"

struct load {
	const struct scenario *scenario; /* borrowed */
	const struct testbed *testbed;   /* borrowed */
	struct traffic *flood[TOPO_VMS_MAX], *ping[TOPO_VMS_MAX];
	struct heard *heard;             /* one for each VM; borrowed */
};

/* The pings that go on beside everything else. 0, -EINTR, or negative errno with a text. */
int load_start_pings(struct load *l, struct errtext *e);
/*
 * Let exactly those send that do in this phase: start what is missing and wait until it is under way, stop
 * the rest. *started: something had to be started. 0, -EINTR, or negative errno with a text.
 */
int load_enter(struct load *l, const struct scenario_phase *p, bool *started, struct errtext *e);
/* Stop all floods. */
int load_stop_floods(struct load *l, struct errtext *e);
/* Stop everything. */
int load_stop(struct load *l, struct errtext *e);
/* Whether a VM's traffic still runs, or has none; else false with its last line as text. */
bool load_running(const struct load *l, size_t vm, struct errtext *e);
/* Forget all of it, at once. */
void load_free(struct load *l);
