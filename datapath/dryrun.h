/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a plan would change on this host, in words: the answer to `apply` and `set` with dry_run. */

#include "backpressure.h"
#include "dataplane.h"
#include "plan/plan.h"

#include <jansson.h>

/* What the plan is compared with; all of it is borrowed. */
struct dryrun {
	const struct dataplane *plane;
	const struct host *host;
	const struct backpressure *backpressure;
	const struct plan *running;
};

/*
 * {version, devices, bound, steps, notes, warnings}; see doc/divvy-protocol.7. warnings: a list of strings, taken;
 * NULL: out of memory. A new reference; NULL: out of memory.
 */
json_t *dryrun_json(const struct dryrun *d, const struct plan *p, json_t *warnings);
