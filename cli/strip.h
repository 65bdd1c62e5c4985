/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A line for a terminal: text in pieces, each of which looks in one way. It knows no terminal. */

#include <stdbool.h>
#include <stddef.h>

enum strip_style {
	STRIP_PLAIN,
	STRIP_HEAD,     /* headers, titles */
	STRIP_FAINT,    /* what is there to be looked up */
	STRIP_GOOD,
	STRIP_WARN,
	STRIP_BAD,
	STRIP_STYLES,
};

#define STRIP_SIZE 2048 /* bytes; a line that needs more is cut */
#define STRIP_RUNS 48

struct strip {
	char text[STRIP_SIZE]; /* UTF-8, NUL-terminated */
	size_t len;            /* bytes */
	size_t columns;        /* that the text takes */
	struct strip_run {
		size_t from; /* byte of text; the run ends where the next one begins */
		enum strip_style style;
	} runs[STRIP_RUNS];
	size_t n_runs;
	bool selected; /* the whole line stands out */
};

/* Appends text. columns: how many of the terminal it takes; pieces beyond STRIP_RUNS look like the last one. */
void strip_put(struct strip *s, enum strip_style style, const char *text, size_t columns);
/* Appends text in exactly so many columns: shortened in its middle (ascii: see shorten.h), or filled up with blanks. */
void strip_cell(struct strip *s, enum strip_style style, const char *text, size_t columns, bool right, bool ascii);
