// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"
#include "complain.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t n_columns(const struct table *t)
{
	size_t n = 0;

	while (t->headers[n])
		n++;
	return n;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_rows; i++)
		for (size_t j = 0; j < TABLE_COLUMNS_MAX; j++)
			free(t->rows[i].cells[j]);
	free(t->rows);
}

static void *need(void *p)
{
	if (!p)
		exit(complain("out of memory"));
	return p;
}

static struct table_row *new_row(struct table *t)
{
	t->rows = need(reallocarray(t->rows, t->n_rows + 1, sizeof(*t->rows)));
	t->rows[t->n_rows] = (struct table_row){ 0 };
	return &t->rows[t->n_rows++];
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
	struct table_row *row = t->n_rows ? &t->rows[t->n_rows - 1] : NULL;
	va_list ap;

	if (!row || row->n == 0 || row->n == n_columns(t))
		row = new_row(t);
	va_start(ap, fmt);
	row->cells[row->n++] = format(fmt, ap);
	va_end(ap);
}

void table_line(struct table *t, const char *fmt, ...)
{
	struct table_row *row = new_row(t);
	va_list ap;

	va_start(ap, fmt);
	row->cells[0] = format(fmt, ap);
	va_end(ap);
}

/* Characters, not bytes: names of VMs are UTF-8. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *to, const char *text, size_t width, bool right, bool last)
{
	int pad = (int)(width - width_of(text));

	if (right)
		fprintf(to, "%*s%s", pad, "", text);
	else
		fprintf(to, "%s%*s", text, last ? 0 : pad, "");
	if (!last)
		fputc(' ', to);
}

void table_print(const struct table *t, FILE *to, const char *before, const char *behind)
{
	size_t width[TABLE_COLUMNS_MAX] = { 0 }, columns = n_columns(t);
	bool right[TABLE_COLUMNS_MAX] = { false };

	for (size_t j = 0; j < columns; j++) {
		right[j] = t->headers[j][0] == '>';
		width[j] = strlen(t->headers[j]) - right[j];
		for (size_t i = 0; i < t->n_rows; i++)
			if (j < t->rows[i].n && width_of(t->rows[i].cells[j]) > width[j])
				width[j] = width_of(t->rows[i].cells[j]);
	}
	fputs(before, to);
	for (size_t j = 0; j < columns; j++)
		print_cell(to, t->headers[j] + right[j], width[j], right[j], j + 1 == columns);
	fprintf(to, "%s\n", behind);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct table_row *row = &t->rows[i];

		for (size_t j = 0; j < row->n; j++)
			print_cell(to, row->cells[j], width[j], right[j], j + 1 == row->n);
		fprintf(to, "%s\n", row->n ? "" : row->cells[0]);
	}
}
