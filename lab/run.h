/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Carry out a scenario on real VMs. */

#include "result.h"
#include "testbed.h"

/* Who wants to know how far it is. */
struct run_progress {
	/* After each second of a phase; seconds of all phases. */
	void (*on_second)(void *arg, const char *phase, unsigned done_s, unsigned total_s);
	void *arg;
};

/*
 * Prepare the testbed, go through the phases, say a line a second on standard output, write everything into
 * the directory (made if need be), print a table. The testbed stays for the next, without scheduler and
 * traffic. A wire that depends on the demand is filled in. progress may be NULL. 0, -EINTR if a signal ended
 * it, or negative errno with a text; then nothing was written and the testbed is down.
 */
int run_scenario(struct scenario *s, struct testbed *testbed, const char *out_dir,
		 const struct run_progress *progress, struct errtext *e);

/* Remove directories of runs that died. Returns how many. */
int run_clean(void);
