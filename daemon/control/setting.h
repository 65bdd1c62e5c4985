/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the verb `set` changes of a model:
 *	{"shares": {NAME: WEIGHT}, "nodes": {NAME: {KEY: TEXT}}, "schedule": {KEY: TEXT}}
 * NAME is a device's or a network's, as model_find() has it, or an uplink's; KEY is one of spec_set_node().
 */

#include "plan/plan.h"
#include "spec/spec.h"

#include <jansson.h>

/*
 * Makes all changes to *m, a copy of the running model as it is written, and validates it. 0; -EINVAL or -ENOMEM: *err
 * is filled, and *m is the caller's to free.
 */
int setting_change(const struct plan *running, const json_t *args, struct model *m, struct spec_error *err);
/* One event (asked.h) for each change. running: with the changes. */
void setting_tell(const struct plan *running, const json_t *args);

/* The device or others that a match is of, by the match's full name; NULL: it is none of what runs. Borrowed. */
const char *setting_matched(const struct plan *running, const char *name);
