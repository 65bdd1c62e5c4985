/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pattern.h"

#include <stddef.h>
#include <string.h>

bool pattern_is(const char *text)
{
	return strchr(text, '*') || strchr(text, '?');
}

/*
 * Only the latest '*' is tried again with one byte more: what an earlier one could take in its place, the
 * latest can take, too.
 */
bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

int pattern_compare(const char *a, const char *b)
{
	size_t a_any = count(a, '?'), b_any = count(b, '?');
	size_t a_self = strlen(a) - count(a, '*') - a_any, b_self = strlen(b) - count(b, '*') - b_any;

	if (a_self != b_self)
		return a_self > b_self ? -1 : 1;
	return (a_any < b_any) - (a_any > b_any);
}
