/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Patterns of selectors: '*' stands for any text, '?' for any one byte, all else for itself. A text without
 * either is no pattern; it is matched by its equal alone.
 */

#include <stdbool.h>

bool pattern_is(const char *text);
/* O(length of pattern * length of text). */
bool pattern_matches(const char *pattern, const char *text);
/*
 * Which of two is more specific: the one with more bytes that stand for themselves; if those are as many, the
 * one with more '?'. Below 0: a; above 0: b; 0: neither.
 */
int pattern_compare(const char *a, const char *b);
