/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Uplinks of the running specification that are not there now: they are not refused, and the log is told once. */

#include "plan/plan.h"

/* Whether the running plan divides this uplink, be it there or not. */
bool absent_runs(const struct plan *running, const char *uplink);

/* Whether a change of this link can make an uplink of the plan come or go. */
bool absent_concerns(const struct plan *running, const struct link *l);

/* Log, a line each, the uplinks that are not there and were in was, and those that are there again. */
void absent_log(const struct plan *was, const struct plan *now);
