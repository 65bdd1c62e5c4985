/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Ceilings that a divvyd had lowered while it followed demand, and could not give back: it was killed. The unit's
 * ExecStopPost= runs `divvyd --restore`, so that bandwidth that is idle is lent again although no divvyd runs.
 */

#include "daemon.h"

#include <jansson.h>

/* What each leaf has while nothing follows demand, for the state; a new object, or NULL: out of memory. */
json_t *restore_to_json(const struct daemon *d);

/*
 * Give all leaves what the state in this directory says; of this boot alone. Returns how many were below; -ENOENT: there
 * is no state of this boot; or another negative errno. It logs.
 */
int restore_ceilings(const char *dir);
