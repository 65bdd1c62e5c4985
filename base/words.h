/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lists of words in messages: the word that was probably meant, and all of them. words: NULL-terminated. */

#include <stddef.h>

/*
 * The word that is nearest to text; NULL: none is near. A word is near if at most two edits, and at most half
 * as many as it has letters, make it of text. An edit is a letter wrong, more or less, or two neighbours
 * exchanged (Damerau, "A technique for computer detection and correction of spelling errors", 1964).
 */
const char *words_nearest(const char *const *words, const char *text);
/* "paper, smooth or credit"; what does not fit size bytes is cut. Returns buf. */
const char *words_list(const char *const *words, char *buf, size_t size);
