/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a plan would change on this host, in words: the answer to `apply` and `set` with dry_run. */

#include "daemon.h"

#include <jansson.h>

/*
 * {version, devices, bound, steps, notes, warnings}; see doc/divvy-protocol.7. A new reference; NULL: out of
 * memory.
 */
json_t *dryrun_json(const struct daemon *d, const struct plan *p);
