// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"
#include "complain.h"

#include "base/cleanup.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
	if (!p)
		exit(complain("out of memory"));
	return p;
}

static size_t rows(const struct table *t)
{
	return t->scols ? scols_table_get_nlines(t->scols) : 0;
}

/* What stands in the cells is printable already: libsmartcols would escape a name's backslash once more. */
static struct libscols_table *scols(struct table *t)
{
	if (t->scols)
		return t->scols;
	t->scols = need(scols_new_table());
	scols_table_enable_noencoding(t->scols, 1);
	scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
	for (const char *const *h = t->headers; *h; h++) {
		bool right = **h == '>';

		need(scols_table_new_column(t->scols, *h + right, 0, right ? SCOLS_FL_RIGHT : 0));
	}
	return t->scols;
}

void table_free(struct table *t)
{
	scols_unref_table(t->scols);
	for (size_t i = 0; i < t->n_notes; i++)
		free(t->notes[i].text);
	free(t->notes);
}

static char *format(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	return need(text);
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	if (!t->line || t->column == scols_table_get_ncols(scols(t))) {
		t->line = need(scols_table_new_line(scols(t), NULL));
		t->column = 0;
	}
	if (scols_line_refer_data(t->line, t->column++, text) < 0)
		need(NULL);
}

void table_line(struct table *t, const char *fmt, ...)
{
	va_list ap;

	t->notes = need(reallocarray(t->notes, t->n_notes + 1, sizeof(*t->notes)));
	va_start(ap, fmt);
	t->notes[t->n_notes++] = (struct table_note){ .row = rows(t), .text = format(fmt, ap) };
	va_end(ap);
	t->line = NULL;
}

/* Prints a line of text up to its newline, and returns what is behind that. */
static const char *print_line(FILE *to, const char *text, const char *behind)
{
	size_t len = strcspn(text, "\n");

	fprintf(to, "%.*s%s\n", (int)len, text, behind);
	return text + len + (text[len] == '\n');
}

/* libsmartcols prints nothing of a table without rows: its headers are a row then. */
static void add_headers(struct table *t)
{
	for (const char *const *h = t->headers; *h; h++)
		table_cell(t, "%s", *h + (**h == '>'));
	scols_table_enable_noheadings(t->scols, 1);
}

void table_print(struct table *t, FILE *to, const char *before, const char *behind)
{
	_cleanup_free_ char *text = NULL;
	size_t n = rows(t), note = 0;
	const char *at;

	if (n == 0)
		add_headers(t);
	if (scols_print_table_to_string(scols(t), &text) < 0)
		need(NULL);
	fputs(before, to);
	at = print_line(to, text, behind);
	for (size_t i = 0; i <= n; i++) {
		for (; note < t->n_notes && t->notes[note].row == i; note++)
			fprintf(to, "%s\n", t->notes[note].text);
		if (i < n)
			at = print_line(to, at, "");
	}
}
