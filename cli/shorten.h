/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How many columns of a terminal a text takes, and how it is made to fit. Texts are UTF-8; LC_CTYPE has to be UTF-8,
 * too, for wcwidth(3). What is no character, or has no width, counts as one column, and is written as '?'.
 */

#include <stdbool.h>
#include <stddef.h>

size_t shorten_width(const char *text);

/*
 * Copies text to out, NUL-terminated, in at most so many columns: where it does not fit, its middle is replaced by an
 * ellipsis ("…"; ascii: "~"), for names that are alike differ at their ends. ascii: each character that is not ASCII
 * becomes as many '?' as it has columns. Characters are never split; those of no width stay with the one before. What
 * does not fit size bytes is cut. size > 0. Returns the columns of out.
 */
size_t shorten_middle(const char *text, size_t columns, bool ascii, char *out, size_t size);
