/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What verbs answer, as JSON; formats: doc/divvy-protocol.7. New references; NULL: out of memory. */

#include "snapshot.h"

#include <jansson.h>

/* What is told of each device: what changes from second to second; what counts since it began, too; all. */
enum status_detail { STATUS_BRIEF, STATUS_COUNTERS, STATUS_WHOLE };

/*
 * `divvy status`, as text: malloc()ed, the caller's. config: path of the system's specification.
 */
char *status_text(const struct snapshot *s, const char *config, enum status_detail detail);
/* `divvy discover`: the host's vNICs. */
json_t *status_discover_json(const struct daemon *d);
/* `divvy slots`: the turns that began at or after since_ns (CLOCK_MONOTONIC). Slots must be open. */
json_t *status_slots_json(const struct daemon *d, uint64_t since_ns);
