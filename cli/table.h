/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A table for a terminal: columns are as wide as what is in them, with a space in between. */

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table_row {
	char *cells[TABLE_COLUMNS_MAX]; /* owned; of a line across the columns only the first */
	size_t n;                       /* 0: a line */
};

struct table {
	/* borrowed, NULL-terminated; the column of one that begins with '>' is aligned right */
	const char *const *headers;
	struct table_row *rows;     /* owned */
	size_t n_rows;
};

void table_free(struct table *t);

/*
 * The next cell from the left; a new row begins behind a full one and behind a line. Ends divvy if out of
 * memory.
 */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line across the columns, which does not widen them. */
void table_line(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* before, behind: printed around the header. */
void table_print(const struct table *t, FILE *to, const char *before, const char *behind);
