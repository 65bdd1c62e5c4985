/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A specification's text, from a file or standard input. */

#include <stddef.h>

/*
 * malloc()ed, at most SPEC_TEXT_MAX + 1 bytes (spec_parse() refuses that much). Complains; NULL on failure.
 */
char *text_read(const char *path, size_t *size);
/* "FILE:line:column: message" for a person. EXIT_FAILURE. */
struct spec_error;
int text_complain(const char *path, const struct spec_error *err);
