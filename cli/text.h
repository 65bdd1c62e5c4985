/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The text of a specification, from a file or standard input, and complaints about it. */

#include "spec/error.h"

#include <stddef.h>

/*
 * Reads a file; "-": standard input. At most SPEC_TEXT_MAX + 1 bytes are read, for spec_parse() refuses as
 * many. malloc()ed, *size its bytes without the final NUL; NULL: after a complaint.
 */
char *text_read(const char *path, size_t *size);
/* Complains "FILE:line:column: message". Returns EXIT_FAILURE. */
int text_complain(const char *path, const struct spec_error *err);
