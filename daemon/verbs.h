/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a client can ask for: a table of verbs. */

#include "daemon.h"

#include <jansson.h>

enum verb_outcome {
	VERB_DONE,    /* *result or *err is filled */
	VERB_DRAINS,  /* done but for what drains: the answer waits for that, *result is filled */
	VERB_FAILED,
};

/* args is borrowed. *result: a new reference (may stay NULL: nothing to tell). */
enum verb_outcome verbs_run(struct daemon *d, const char *verb, const json_t *args, json_t **result,
			    struct spec_error *err);
