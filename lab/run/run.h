/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Carry out a scenario on real VMs. */

#include "result.h"
#include "testbed.h"

/* Who keeps what it finds, and wants to know how far it is. */
struct run_watch {
	/* Once it is evaluated: write the result down in dir. 0 or negative errno with a text. */
	int (*keep)(const struct result *r, const char *dir, struct errtext *e);
	/* After each second of a phase; seconds of all phases. May be NULL. */
	void (*on_second)(void *arg, const char *phase, unsigned done_s, unsigned total_s);
	void *arg;
};

/*
 * Prepare the testbed, go through the phases, say a line a second on standard output, have everything kept
 * in the directory (made if need be). The testbed stays for the next, without scheduler and
 * traffic. A wire that depends on the demand is filled in. 0, -EINTR if a signal ended
 * it, or negative errno with a text; then nothing was written and the testbed is down.
 */
int run_scenario(struct scenario *s, struct testbed *testbed, const char *out_dir,
		 const struct run_watch *watch, struct errtext *e);

/* Remove directories of runs that died. Returns how many. */
int run_clean(void);
