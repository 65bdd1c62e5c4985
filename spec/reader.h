/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The part of YAML that a specification may use, as a stream of items with their places: one document of
 * mappings, lists and scalars; no anchor, alias or tag, and no more than SPEC_DEPTH_MAX levels.
 */

#include "spec.h"

#include <yaml.h>

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
	uint32_t line, column; /* 1-based, where it starts */
	const char *text;      /* ITEM_SCALAR: NUL-terminated, borrowed until the next call */
	size_t size;           /* bytes without the NUL; a NUL inside shows in strlen(text) < size */
	bool is_null;          /* ITEM_SCALAR: nothing written, "~" or "null", unquoted */
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct item item; /* the present one */
	unsigned int depth;
	struct spec_error *err; /* borrowed */
};

/* text and err are borrowed until reader_close(). 0 or -ENOMEM with *err filled. */
int reader_open(struct reader *r, const char *text, size_t size, struct spec_error *err);
/*
 * Proceed to the next item, in r->item. 0, or -EINVAL or -ENOMEM with *err filled: then only reader_close()
 * may follow.
 */
int reader_next(struct reader *r);
void reader_close(struct reader *r);
