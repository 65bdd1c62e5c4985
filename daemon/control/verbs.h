/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a client can ask for: a table of verbs. */

#include "daemon/state/daemon.h"
#include "proto/reply.h"

#include <jansson.h>

/*
 * Carry out the verb of this name. args is borrowed. may_change false: only a verb that changes nothing. The reply is completed now, or later by a verb that waits for something;
 * it is gone then.
 */
void verbs_run(struct daemon *d, const char *name, const json_t *args, bool may_change, struct reply *reply);
