/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Markdown as GitHub and cmark-gfm read it. */

#include "book_doc.h"

#include <string.h>

/* A line must stay a line, and a cell a cell. */
static void escaped(struct doc *d, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\`*_<>|[]~#", *s))
			fputc('\\', d->f);
		fputc(*s == '\n' ? ' ' : *s, d->f);
	}
}

static void md_open(struct doc *d, const char *title)
{
	fputs("# ", d->f);
	escaped(d, title);
	fputs("\n\n", d->f);
}

static void md_close(struct doc *d)
{
	(void)d;
}

static void md_heading(struct doc *d, unsigned level, const char *id, const char *text)
{
	(void)id;
	fprintf(d->f, "%.*s ", (int)level, "######");
	escaped(d, text);
	fputs("\n\n", d->f);
}

static void emphasized(struct doc *d, enum mark mark, const char *text)
{
	const char *how = mark == MARK_POOR || mark == MARK_HEAD ? "**" : "";

	fputs(how, d->f);
	escaped(d, text);
	fputs(how, d->f);
}

static void md_para(struct doc *d, enum mark mark, const char *text)
{
	if (mark != MARK_NONE)
		fputs("> ", d->f);
	emphasized(d, mark, text);
	fputs("\n\n", d->f);
}

static void md_list(struct doc *d, bool begin)
{
	if (!begin)
		fputc('\n', d->f);
}

static void md_item(struct doc *d, const char *text)
{
	fputs("- ", d->f);
	escaped(d, text);
	fputc('\n', d->f);
}

static void md_table(struct doc *d, bool begin)
{
	if (!begin)
		fputc('\n', d->f);
}

static void md_row(struct doc *d, bool begin, bool head)
{
	if (begin) {
		d->columns = 0;
		fputc('|', d->f);
		return;
	}
	fputc('\n', d->f);
	if (!head)
		return;
	fputc('|', d->f);
	for (unsigned i = 0; i < d->columns; i++)
		fputs(" --- |", d->f);
	fputc('\n', d->f);
}

static void md_cell(struct doc *d, enum mark mark, const char *text)
{
	d->columns++;
	fputc(' ', d->f);
	/* the first row is a head by itself */
	emphasized(d, d->in_head ? MARK_NONE : mark, text);
	fputs(" |", d->f);
}

/* Folded where the reader's program knows how; the title is inside HTML then. */
static void md_code(struct doc *d, const char *title, const char *text)
{
	fputs("<details><summary>", d->f);
	for (; *title; title++)
		if (*title == '<' || *title == '&')
			fputs(*title == '<' ? "&lt;" : "&amp;", d->f);
		else
			fputc(*title, d->f);
	fprintf(d->f, "</summary>\n\n```\n%s%s```\n\n</details>\n\n", text,
		*text && text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static void md_plot(struct doc *d, const char *name, const char *caption)
{
	fputs("![", d->f);
	escaped(d, caption);
	fprintf(d->f, "](%s/%s.svg)\n\n", d->plots_url, name);
}

const struct doc_ops doc_markdown = {
	.open = md_open,
	.close = md_close,
	.heading = md_heading,
	.para = md_para,
	.list = md_list,
	.item = md_item,
	.table = md_table,
	.row = md_row,
	.cell = md_cell,
	.code = md_code,
	.plot = md_plot,
};
