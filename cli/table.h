/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A table for a terminal. A column is as wide as its widest cell; one blank stands between two columns. */

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table_row {
	char *cells[TABLE_COLUMNS_MAX]; /* owned; a line across the columns has the first alone */
	size_t n;                       /* cells; 0: a line across the columns */
};

struct table {
	/* Borrowed, NULL-terminated. A header that begins with '>' aligns its column right. */
	const char *const *headers;
	struct table_row *rows; /* owned */
	size_t n_rows;
};

void table_free(struct table *t);

/*
 * Adds the next cell from the left. A new row begins behind a full row and behind a line. Ends divvy if
 * memory is out; so does table_line().
 */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a line across the columns. It does not widen them. */
void table_line(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* before and behind stand around the line of headers. */
void table_print(const struct table *t, FILE *to, const char *before, const char *behind);
