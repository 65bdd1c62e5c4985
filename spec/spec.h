/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A specification: YAML text to a model, and a model to text. */

#include "core/model.h"

#define SPEC_TEXT_MAX (768 * 1024) /* bytes; fits a control message (1 MiB) after JSON escaping of ordinary text */
#define SPEC_DEPTH_MAX 16          /* nested collections */

struct spec_error {
	uint32_t line, column; /* 1-based; 0: unknown */
	char text[256];        /* what is wrong, what was expected; one line */
};

/*
 * Parse and validate. text need not be NUL-terminated and may hold anything (binary, 10 MB, deep nesting).
 * 0 with *out a model to be freed with model_free(); -EINVAL (also too large, too deep), or -ENOMEM, with *err filled and *out untouched.
 */
int spec_parse(const char *text, size_t size, struct model *out, struct spec_error *err);

/* The model as a specification's text that parses back to the same model. malloc()ed, NULL if out of memory. */
char *spec_format(const struct model *m);
