/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A foreign text inside a message: short, printable and on one line, whatever it holds. */

#include <stddef.h>

#define QUOTE_SIZE 72
/* A message that quotes the text that it refuses. */
#define REJECT_SIZE 200

/*
 * The text in double quotes. Invalid UTF-8 and what a terminal could obey (controls, bidirectional overrides)
 * become \xNN. What does not fit becomes "...". Returns buf.
 */
const char *quote(const char *s, size_t size, char buf[QUOTE_SIZE]);

/* Fills err with the quoted text, a colon and the message; a longer message is cut. Returns -EINVAL. */
int reject(char err[REJECT_SIZE], const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
