/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A specification: YAML text to a model, and a model to text. */

#include "core/model.h"

/* Bytes; fits a control message (1 MiB) after JSON escaping of ordinary text. */
#define SPEC_TEXT_MAX (768 * 1024)
/* Nested collections. */
#define SPEC_DEPTH_MAX 16

struct spec_error {
	uint32_t line, column; /* 1-based; 0: unknown */
	char text[256];        /* what is wrong, what was expected; one line */
};

/*
 * Parse and validate. text need not be NUL-terminated and may hold anything (binary, 10 MB, deep nesting).
 * 0 with *out a model to be freed with model_free(); -EINVAL (also too large, too deep), or -ENOMEM, with
 * *err filled and *out untouched.
 */
int spec_parse(const char *text, size_t size, struct model *out, struct spec_error *err);

/*
 * The model as a specification's text that parses back to the same model, but for the nodes' lines and, where
 * networks and devices take turns under one uplink, their order. What equals a default is left out.
 * malloc()ed, NULL if out of memory.
 */
char *spec_format(const struct model *m);

/* Whether a schedule has such a key. */
bool spec_is_schedule_key(const char *key);

/*
 * Change one key of a schedule ("policy", "slot", ...), as `divvy set schedule.KEY=TEXT`. 0, or -EINVAL with
 * *err filled and *s untouched.
 */
int spec_set_schedule(struct schedule *s, const char *key, const char *text, struct spec_error *err);
