/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The part of YAML that a specification may use, as a stream of items with their places. A text is one
 * document of mappings, lists and scalars. It has no anchor, alias or tag, and at most READER_DEPTH_MAX
 * levels.
 */

#include "error.h"

#include <stdbool.h>
#include <yaml.h>

#define READER_DEPTH_MAX 32

enum item_kind {
	ITEM_SCALAR,
	ITEM_LIST,
	ITEM_LIST_END,
	ITEM_MAPPING,
	ITEM_MAPPING_END,
	ITEM_END, /* of the document, and of the text */
};

struct item {
	enum item_kind kind;
	uint32_t line, column; /* where it starts; the first is 1 */
	const char *text;      /* ITEM_SCALAR: NUL-terminated, borrowed until the next call */
	size_t size;           /* bytes without the final NUL; a NUL inside shows in strlen(text) < size */
	bool is_null;          /* ITEM_SCALAR: empty, "~" or "null", without quotes */
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct item item;       /* the present one */
	unsigned int depth;     /* of the present item, levels */
	struct spec_error *err; /* borrowed */
};

/* text and err are borrowed until reader_close(). 0; -ENOMEM, with *err filled. */
int reader_open(struct reader *r, const char *text, size_t size, struct spec_error *err);
/*
 * Proceeds to the next item, r->item. 0; -EINVAL: the text is refused; -ENOMEM. On failure *err is filled,
 * and only reader_close() may follow.
 */
int reader_next(struct reader *r);
void reader_close(struct reader *r);
