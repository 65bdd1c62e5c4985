/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The word that was probably meant, and lists of words in messages. */

#include <stdbool.h>
#include <stddef.h>

/*
 * The edits that make word of text, if that is near; WORDS_FAR: it is not. A word is near if at most two edits, and at
 * most half as many as it has letters, make it of text. An edit is a letter wrong, more or less, or two neighbours
 * exchanged (Damerau, "A technique for computer detection and correction of spelling errors", 1964); upper and lower
 * case are alike. Names that differ in a digit are not near: tap100i0 is no slip for tap101i0.
 */
#define WORDS_FAR 3U
unsigned int words_edits(const char *text, const char *word);

/* What was nearest so far. Zeroed: nothing. */
struct words_near {
	const char *word; /* borrowed */
	unsigned int edits;
};
/* Consider one more word. */
void words_consider(struct words_near *n, const char *text, const char *word);

/* The word that is nearest to text; NULL: none is near. words: NULL-terminated. */
const char *words_nearest(const char *const *words, const char *text);
/* "paper, smooth or credit"; what does not fit size bytes is cut. Returns buf. */
const char *words_list(const char *const *words, char *buf, size_t size);
