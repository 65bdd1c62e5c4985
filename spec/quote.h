/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A foreign text inside a message: short, printable and on one line, whatever it holds. */

#include <stddef.h>
#include <stdint.h>

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

/*
 * Decodes one UTF-8 character (RFC 3629: shortest form, no surrogates, up to U+10FFFF). size > 0. Returns its
 * length in bytes; 0: the bytes at s are no character, and *out is untouched.
 */
size_t utf8_decode(const char *s, size_t size, uint32_t *out);
/* 1 if the character has no glyph, or changes how the rest of the line shows; else 0. */
int utf8_is_unprintable(uint32_t c);
