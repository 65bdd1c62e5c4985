/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Carry out a scenario on real VMs. */

#include "result.h"

/*
 * Build the lab, go through the phases, say a line a second on standard output, write everything into the directory
 * (made if need be), print a table, remove the lab. 0, -EINTR if a signal ended it (nothing is left behind, nothing
 * was written), or negative errno with a text.
 */
int run_scenario(const struct scenario *s, const char *out_dir, struct errtext *e);

/* Remove directories of runs that died. Returns how many. */
int run_clean(void);
