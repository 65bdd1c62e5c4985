/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is wrong with a text, and where: for a person. spec/ and proto/ fill it; all others read it. */

#include <stdint.h>

struct spec_error {
	uint32_t line, column; /* the first is 1; 0: no place is known */
	char text[768];        /* what is wrong and what was expected; one line without a final newline */
};

/* Fills *err; a longer text is cut. Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int spec_refuse(struct spec_error *err, uint32_t line, uint32_t column,
						      const char *fmt, ...);
/* Fills *err without a place. Returns error, a negative errno. */
__attribute__((format(printf, 3, 4))) int spec_fail(struct spec_error *err, int error, const char *fmt, ...);
/* The same with "out of memory". Returns -ENOMEM. */
int spec_no_memory(struct spec_error *err);
