/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_doc.h"

#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#define TEXT_MAX 4000

#define FORMATTED(text, fmt)                                \
	do {                                                \
		va_list ap_;                                \
		va_start(ap_, fmt);                         \
		vsnprintf(text, sizeof(text), fmt, ap_);    \
		va_end(ap_);                                \
	} while (0)

void doc_open(struct doc *d, const char *title)
{
	d->ops->open(d, title);
}

void doc_close(struct doc *d)
{
	d->ops->close(d);
}

void doc_heading(struct doc *d, unsigned level, const char *id, const char *fmt, ...)
{
	char text[TEXT_MAX];

	FORMATTED(text, fmt);
	d->ops->heading(d, level, id, text);
}

void doc_para(struct doc *d, const char *fmt, ...)
{
	char text[TEXT_MAX];

	FORMATTED(text, fmt);
	d->ops->para(d, MARK_NONE, text);
}

void doc_verdict(struct doc *d, enum mark mark, const char *fmt, ...)
{
	char text[TEXT_MAX];

	FORMATTED(text, fmt);
	d->ops->para(d, mark, text);
}

void doc_list_begin(struct doc *d)
{
	d->ops->list(d, true);
}

void doc_list_end(struct doc *d)
{
	d->ops->list(d, false);
}

void doc_item(struct doc *d, const char *fmt, ...)
{
	char text[TEXT_MAX];

	FORMATTED(text, fmt);
	d->ops->item(d, text);
}

void doc_table_begin(struct doc *d, const char *const *heads)
{
	d->ops->table(d, true);
	d->in_head = true;
	d->ops->row(d, true, true);
	for (; *heads; heads++)
		d->ops->cell(d, MARK_HEAD, *heads);
	d->ops->row(d, false, true);
	d->in_head = false;
}

void doc_table_end(struct doc *d)
{
	d->ops->table(d, false);
}

void doc_row_begin(struct doc *d)
{
	d->ops->row(d, true, false);
}

void doc_row_end(struct doc *d)
{
	d->ops->row(d, false, false);
}

void doc_cell(struct doc *d, enum mark mark, const char *fmt, ...)
{
	char text[TEXT_MAX];

	FORMATTED(text, fmt);
	d->ops->cell(d, mark, text[0] ? text : "-");
}

void doc_code(struct doc *d, const char *title, const char *text)
{
	d->ops->code(d, title, text);
}

void doc_plot(struct doc *d, const char *name, const char *fmt, ...)
{
	char text[TEXT_MAX], path[PATH_MAX];

	FORMATTED(text, fmt);
	snprintf(path, sizeof(path), "%.3900s/%.100s.svg", d->plots, name);
	if (access(path, R_OK) == 0)
		d->ops->plot(d, name, text);
}
