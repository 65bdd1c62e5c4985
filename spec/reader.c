/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of Operation
 *
 * The point of this layer is a message with line, column and what was expected. So the reader takes libyaml's
 * events, each of which carries its place. libcyaml checks a text against a schema by itself, but gives its
 * caller neither the place of a key nor a hook for the syntax of a value: "unexpected key" is a printf format
 * to a log callback, and a later check (of a rate's unit, of a vNIC that is named twice) no longer knows the
 * line.
 *
 * An event arrives as soon as its text is scanned. So the reader refuses a text at its first fault, and
 * builds nothing for what follows, as it would with libyaml's documents. Nesting costs no stack, for the
 * caller descends only where its schema does. There are no aliases, so a text cannot grow ("billion laughs").
 */
#include "reader.h"
#include "quote.h"

#include <errno.h>
#include <string.h>

int reader_open(struct reader *r, const char *text, size_t size, struct spec_error *err)
{
	memset(r, 0, sizeof(*r));
	if (!yaml_parser_initialize(&r->parser))
		return spec_no_memory(err);
	r->err = err;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, size);
	return 0;
}

void reader_close(struct reader *r)
{
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
}

/* What libyaml says, at the place where it noticed. */
static int report(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	uint32_t line = (uint32_t)p->problem_mark.line + 1, column = (uint32_t)p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return spec_no_memory(r->err);
	if (p->error == YAML_READER_ERROR)
		return spec_refuse(r->err, (uint32_t)p->mark.line + 1, (uint32_t)p->mark.column + 1,
				   "not YAML: %s", p->problem ? p->problem : "unreadable");
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return spec_refuse(r->err, line, column, "not YAML: %s, %s that starts in line %zu",
				   p->problem ? p->problem : "unreadable", p->context,
				   p->context_mark.line + 1);
	return spec_refuse(r->err, line, column, "not YAML: %s%s%s", p->problem ? p->problem : "unreadable",
			   p->context ? ", " : "", p->context ? p->context : "");
}

/* "~" and "null" are YAML's words for nothing (YAML 1.1, Null type; 1.2, core schema). */
static bool scalar_is_null(const yaml_event_t *e)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
			return true;
	return false;
}

static const unsigned char *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static const unsigned char *tag_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.tag;
	default:
		return NULL;
	}
}

/* Refuse what a specification may not use of YAML. */
static int check_event(struct reader *r, bool first)
{
	const yaml_event_t *e = &r->event;
	const unsigned char *anchor = anchor_of(e), *tag = tag_of(e);
	uint32_t line = (uint32_t)e->start_mark.line + 1, column = (uint32_t)e->start_mark.column + 1;
	char quoted[QUOTE_SIZE];

	if (e->type == YAML_ALIAS_EVENT)
		return spec_refuse(r->err, line, column,
				   "alias %s; expected the value itself, since aliases are not used here",
				   quote((const char *)e->data.alias.anchor,
					 strlen((const char *)e->data.alias.anchor), quoted));
	if (anchor)
		return spec_refuse(r->err, line, column,
				   "anchor %s; expected a value without one, since anchors are not used here",
				   quote((const char *)anchor, strlen((const char *)anchor), quoted));
	if (tag)
		return spec_refuse(r->err, line, column,
				   "tag %s; expected a value without one, since tags are not used here",
				   quote((const char *)tag, strlen((const char *)tag), quoted));
	if (e->type == YAML_DOCUMENT_START_EVENT && !first)
		return spec_refuse(r->err, line, column,
				   "a second document; expected one specification in a file");
	return 0;
}

static int descend(struct reader *r)
{
	if (++r->depth > READER_DEPTH_MAX)
		return spec_refuse(r->err, r->item.line, r->item.column,
				   "nested too deeply; expected at most %d levels", READER_DEPTH_MAX);
	return 0;
}

int reader_next(struct reader *r)
{
	static const enum item_kind kinds[] = {
		[YAML_SCALAR_EVENT] = ITEM_SCALAR,           [YAML_SEQUENCE_START_EVENT] = ITEM_LIST,
		[YAML_SEQUENCE_END_EVENT] = ITEM_LIST_END,   [YAML_MAPPING_START_EVENT] = ITEM_MAPPING,
		[YAML_MAPPING_END_EVENT] = ITEM_MAPPING_END, [YAML_STREAM_END_EVENT] = ITEM_END,
	};
	const yaml_event_t *e = &r->event;
	bool between;
	int ret;

	do {
		bool first = e->type == YAML_STREAM_START_EVENT;

		yaml_event_delete(&r->event);
		if (!yaml_parser_parse(&r->parser, &r->event))
			return report(r);
		ret = check_event(r, first);
		if (ret < 0)
			return ret;
		between = e->type == YAML_STREAM_START_EVENT || e->type == YAML_DOCUMENT_START_EVENT ||
			  e->type == YAML_DOCUMENT_END_EVENT;
	} while (between);

	r->item = (struct item){
		.kind = kinds[e->type],
		.line = (uint32_t)e->start_mark.line + 1,
		.column = (uint32_t)e->start_mark.column + 1,
	};
	switch (r->item.kind) {
	case ITEM_SCALAR:
		r->item.text = (const char *)e->data.scalar.value;
		r->item.size = e->data.scalar.length;
		r->item.is_null = scalar_is_null(e);
		return 0;
	case ITEM_LIST:
	case ITEM_MAPPING:
		return descend(r);
	case ITEM_LIST_END:
	case ITEM_MAPPING_END:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}
