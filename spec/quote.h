/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Somebody else's text inside a message: short, printable, on one line, whatever it was. */

#include <stddef.h>
#include <stdint.h>

#define QUOTE_SIZE 72

/*
 * "text" in double quotes; what a terminal could obey (controls, bidirectional overrides) and invalid UTF-8
 * become \xNN, and what does not fit becomes "...". Returns buf.
 */
const char *quote(const char *s, size_t size, char buf[QUOTE_SIZE]);

/* Puts "text": and a message into err, of UNITS_ERR_SIZE. Returns -EINVAL. */
int reject(char *err, const char *text, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Decode one UTF-8 character (RFC 3629: shortest form, no surrogates, up to U+10FFFF).
 * Returns its length in bytes, 0 if the bytes at s are no character; size > 0.
 */
size_t utf8_decode(const char *s, size_t size, uint32_t *out);
/* Has no glyph, or changes how the rest of a line shows. */
int utf8_is_unprintable(uint32_t c);
