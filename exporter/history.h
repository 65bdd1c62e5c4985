/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What each uplink and device was entitled to, and got, in the last ten minutes: a reading each HISTORY_STEP_NS, the
 * latest one of that time. Memory: 0.5 KB a device and direction. No clock in here: readings bring their time.
 */

#include "text.h"

#include "base/nsec.h"

#include <jansson.h>
#include <stdint.h>

#define HISTORY_STEP_NS (10 * NSEC_PER_SEC)
#define HISTORY_STEPS 60

struct history;

/* NULL: out of memory. */
struct history *history_new(void);
void history_free(struct history *h);

/* Takes in divvyd's status; its monotonic_ns is the time. What has not been there for ten minutes is forgotten. */
void history_add(struct history *h, const json_t *status);

/* Appends the history as JSON; the format is in divvy-exporter(8). */
void history_write(const struct history *h, struct text *to);
