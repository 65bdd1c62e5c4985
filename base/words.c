/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Longer words have no near ones. */
#define WORD_MAX 127U

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* What it costs to put, leave out or change this letter. */
static unsigned int cost(char c)
{
	return isdigit((unsigned char)c) ? WORDS_FAR : 1;
}

static bool alike(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned int replace(char a, char b)
{
	return alike(a, b) ? 0 : cost(a) > cost(b) ? cost(a) : cost(b);
}

unsigned int words_edits(const char *text, const char *word)
{
	/* Rows of the table of beginnings: the present one, the one before, and the one before that. */
	unsigned int rows[3][WORD_MAX + 1], *now = rows[0], *before = rows[1], *earlier = rows[2], *oldest;
	size_t n = strlen(text), m = strlen(word);

	if (n > WORD_MAX || m > WORD_MAX || n > m + 2 || m > n + 2)
		return WORDS_FAR;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 && j == 0) {
				now[j] = 0;
				continue;
			}
			now[j] = UINT_MAX;
			if (i > 0)
				now[j] = before[j] + cost(text[i - 1]);
			if (j > 0)
				now[j] = min(now[j], now[j - 1] + cost(word[j - 1]));
			if (i > 0 && j > 0)
				now[j] = min(now[j], before[j - 1] + replace(text[i - 1], word[j - 1]));
			if (i > 1 && j > 1 && alike(text[i - 1], word[j - 2]) && alike(text[i - 2], word[j - 1]))
				now[j] = min(now[j], earlier[j - 2] + replace(text[i - 1], text[i - 2]));
		}
		oldest = earlier;
		earlier = before;
		before = now;
		now = oldest;
	}
	return before[m] <= 2 && 2 * before[m] <= m ? before[m] : WORDS_FAR;
}

void words_consider(struct words_near *n, const char *text, const char *word)
{
	unsigned int edits = words_edits(text, word);

	if (edits < WORDS_FAR && (!n->word || edits < n->edits))
		*n = (struct words_near){ word, edits };
}

const char *words_nearest(const char *const *words, const char *text)
{
	struct words_near near = { 0 };

	for (; *words; words++)
		words_consider(&near, text, *words);
	return near.word;
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
