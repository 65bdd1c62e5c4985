/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A report's text, once, for two kinds of file: HTML that stands alone, and Markdown with its plots beside
 * it. Texts are plain: what means something to HTML or Markdown is escaped here. Nothing is returned: what
 * could not be written is found when the file is closed.
 */

#include <stdbool.h>
#include <stdio.h>

/* What a reader's eye should find. */
enum mark { MARK_NONE, MARK_GOOD, MARK_POOR, MARK_WEAK, MARK_HEAD /* a row's name */ };

struct doc;
struct doc_ops {
	void (*open)(struct doc *d, const char *title);
	void (*close)(struct doc *d);
	void (*heading)(struct doc *d, unsigned level, const char *id, const char *text);
	void (*para)(struct doc *d, enum mark mark, const char *text);
	void (*list)(struct doc *d, bool begin);
	void (*item)(struct doc *d, const char *text);
	void (*table)(struct doc *d, bool begin);
	void (*row)(struct doc *d, bool begin, bool head);
	void (*cell)(struct doc *d, enum mark mark, const char *text);
	void (*code)(struct doc *d, const char *title, const char *text);
	void (*plot)(struct doc *d, const char *name, const char *caption);
};

struct doc {
	const struct doc_ops *ops;
	FILE *f;               /* borrowed */
	const char *plots;     /* directory of NAME.svg, to read them from; borrowed */
	const char *plots_url; /* the same, as a link from the file; borrowed */
	bool in_head;          /* a table's first row; the ops' own */
	unsigned columns;
};

extern const struct doc_ops doc_html, doc_markdown;

/* What every file begins and ends with. */
void doc_open(struct doc *d, const char *title);
void doc_close(struct doc *d);
/* level 1..3; id: for links, NULL: none. */
void doc_heading(struct doc *d, unsigned level, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void doc_para(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A sentence that says what holds. */
void doc_verdict(struct doc *d, enum mark mark, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doc_list_begin(struct doc *d);
void doc_item(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_list_end(struct doc *d);
/* heads: the names of the columns, up to a NULL. */
void doc_table_begin(struct doc *d, const char *const *heads);
void doc_row_begin(struct doc *d);
/* A cell without a text is a dash. */
void doc_cell(struct doc *d, enum mark mark, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doc_row_end(struct doc *d);
void doc_table_end(struct doc *d);
/* Lines as they are, folded away where the format can. */
void doc_code(struct doc *d, const char *title, const char *text);
/* NAME.svg; nothing if there is no such file. */
void doc_plot(struct doc *d, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
