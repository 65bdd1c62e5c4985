/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A table for a terminal: libsmartcols, and what it has not: lines across the columns between two rows. A column is as
 * wide as its widest cell; one blank stands between two columns. Widths are those of LC_CTYPE's characters, which has
 * to be UTF-8.
 */

#include <stddef.h>
#include <stdio.h>

struct libscols_table;
struct libscols_line;

struct table_note {
	size_t row; /* it stands before this one */
	char *text; /* owned */
};

struct table {
	/* Borrowed, NULL-terminated. A header that begins with '>' aligns its column right. */
	const char *const *headers;
	struct libscols_table *scols; /* owned; NULL: no cell yet */
	struct libscols_line *line;   /* the latest row; borrowed of scols */
	size_t column;                /* its next cell */
	struct table_note *notes;     /* owned */
	size_t n_notes;
};

void table_free(struct table *t);

/*
 * Adds the next cell from the left. A new row begins behind a full row and behind a line. Ends divvy if
 * memory is out; so do table_line() and table_print().
 */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a line across the columns. It does not widen them. */
void table_line(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* before and behind stand around the line of headers. */
void table_print(struct table *t, FILE *to, const char *before, const char *behind);
