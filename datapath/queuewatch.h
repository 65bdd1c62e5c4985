/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Hears that guests use more queues than before, and has their send buffers set within a second. Costs nothing
 * while no queue is attached, and little where a guest attaches them in a loop.
 */

#include "backpressure.h"
#include "plan/plan.h"

#include <systemd/sd-event.h>

struct queuewatch;

/*
 * b and running are borrowed. 0; or negative errno: queues are then limited at the next audit only. *ret is untouched
 * on failure.
 */
int queuewatch_open(struct queuewatch **ret, sd_event *event, struct backpressure *b, const struct plan *running);
/* NULL is fine; returns NULL. */
struct queuewatch *queuewatch_close(struct queuewatch *q);
