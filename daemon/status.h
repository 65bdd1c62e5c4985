/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `divvy status` and `divvy discover` show, as JSON. Formats: doc/divvy-protocol.7. */

#include "daemon.h"

#include <jansson.h>

/* New references; NULL: out of memory. */
json_t *status_json(struct daemon *d);
json_t *status_discover_json(struct daemon *d);
/* The turns that began at or after since_ns (CLOCK_MONOTONIC). NULL also where no CPU is scheduled. */
json_t *status_slots_json(struct daemon *d, uint64_t since_ns);
