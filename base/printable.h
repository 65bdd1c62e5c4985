/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Text from outside, as text that a terminal shows and does not obey: names of VMs, processes, interfaces, cgroups
 * and other programs' objects may hold any bytes. Two rules:
 *
 * A name by which something is told from another one is taken in by printable_name(), once, where it enters.
 * All text that leaves (a line of the log, an answer, a terminal) goes through printable(), which does no harm to
 * what is printable already.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes one UTF-8 character (RFC 3629: shortest form, no surrogates, up to U+10FFFF). size > 0. Returns its
 * length in bytes; 0: the bytes at s are no character, and *out is untouched.
 */
size_t utf8_decode(const char *s, size_t size, uint32_t *out);
/* 1 if the character has no glyph of its own, or changes how the rest of the line shows; else 0. */
int utf8_is_unprintable(uint32_t c);

/*
 * Copies n bytes to out, NUL-terminated. Each byte that is no part of a printable character becomes "\xNN". What
 * does not fit size bytes is cut between two characters. size > 0. out must not overlap s. Returns out.
 */
const char *printable(const char *s, size_t n, char *out, size_t size);

/*
 * The same for a name, one to one: different names stay different. Blanks at its ends become "\x20", and what looks
 * like such an escape in the name itself has its backslash written "\x5c". Of a name that does not fit size bytes
 * stands its beginning, '~', and the 16 hexadecimal digits of a hash of all of it. size > 32. out must not overlap s.
 * Returns out.
 */
const char *printable_name(const char *s, char *out, size_t size);
