/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The whole evaluation, or parts of it: scenario after scenario on VMs that are booted once, and then the
 * report.
 */

#include "lab/proc/proc.h"

struct figures_options {
	const char *out;  /* directory */
	const char *only; /* as catalog_evaluation() takes it; NULL: everything */
	bool quick;       /* short, once */
	bool fresh;       /* also what an earlier run has finished there */
};

/*
 * Say how long it will take, and run what has not been finished in the directory yet. A scenario that fails
 * is noted, and the rest go on. *failed: how many did. 0; -EINTR (run it again to go on); negative errno with
 * a text.
 */
int figures_run(const struct figures_options *o, unsigned *failed, struct errtext *e);
