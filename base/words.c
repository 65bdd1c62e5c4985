/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Longer words have no near ones. */
#define WORD_MAX 16U

/* Edits that make b of a; WORD_MAX if either is longer than that. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			unsigned int best;

			if (i == 0 || j == 0) {
				d[i][j] = (unsigned int)(i + j);
				continue;
			}
			best = d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *words_nearest(const char *const *words, const char *text)
{
	unsigned int best_distance = WORD_MAX;
	const char *best = NULL;

	for (; *words; words++) {
		unsigned int d = distance(text, *words);

		if (d <= 2 && 2 * d <= strlen(*words) && d < best_distance) {
			best = *words;
			best_distance = d;
		}
	}
	return best;
}

const char *words_list(const char *const *words, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s",
				      i == 0       ? "" :
				      words[i + 1] ? ", " :
						     " or ",
				      words[i]);
	return buf;
}
