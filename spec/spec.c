/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of Operation
 *
 * The parser walks the items of reader.c along the tables of schema.c: at every point the schema says what
 * may come, and the first item that does not fit is refused where it stands. A list's item becomes a node of
 * the model when it begins, since the nodes under it come before its own keys are all read; it is filled in
 * when it ends. What no single key shows is left to model_validate(); the places of each node's keys are
 * kept, so that its verdict points into the text too.
 */
#include "spec.h"
#include "quote.h"
#include "reader.h"
#include "schema.h"
#include "textcheck.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

struct place {
	uint32_t line, column;
};

/* Where a node's parts were said. */
struct node_places {
	struct place part[N_PARTS];
};

struct build {
	struct reader reader;
	struct model model;
	struct node_places *places; /* one for each node */
	struct preamble preamble;
	struct place slot; /* of the schedule's slot, or else its gate */
	struct spec_error *err;
};

/* One mapping while it is read. */
struct mapping {
	const struct object *object;
	struct place start;
	uint32_t seen[FIELDS_MAX]; /* line of each key; 0: not seen */
	const struct field *selector;
	struct place *parts; /* of the node; NULL: it is none */
};

static int parse_object(struct build *b, const struct object *object, void *target, uint32_t node);

static void build_free(struct build *b)
{
	reader_close(&b->reader);
	model_free(&b->model);
	free(b->places);
}

static struct place here(const struct build *b)
{
	return (struct place){ b->reader.item.line, b->reader.item.column };
}

static const char *item_text(const struct item *item)
{
	static const char *const texts[] = {
		[ITEM_SCALAR] = "a single value",
		[ITEM_LIST] = "a list",
		[ITEM_MAPPING] = "a mapping",
	};

	return item->kind == ITEM_SCALAR && item->is_null ? "no value" : texts[item->kind];
}

/* What stands here is of another kind than f wants. */
static int refuse_kind(struct build *b, const struct field *f)
{
	const struct item *item = &b->reader.item;

	return spec_refuse(b->err, item->line, item->column, "%s: %s; expected %s", f->key, item_text(item),
			   f->expected);
}

static int parse_scalar(struct build *b, const struct field *f, void *target)
{
	const struct item *item = &b->reader.item;
	char why[UNITS_ERR_SIZE];

	if (item->kind != ITEM_SCALAR || item->is_null)
		return refuse_kind(b, f);
	if (strlen(item->text) != item->size)
		return spec_refuse(b->err, item->line, item->column, "%s: a NUL character; expected %s",
				   f->key, f->expected);
	if (f->parse(f, item->text, target, why) < 0)
		return spec_refuse(b->err, item->line, item->column, "%s: %s", f->key, why);
	return 0;
}

static int add_node(struct build *b, const struct node *node, uint32_t *index)
{
	struct node_places *places;
	int64_t i;

	i = model_add(&b->model, node);
	if (i == -E2BIG)
		return spec_refuse(b->err, node->line, 1, "more than %u uplinks, networks and devices",
				   MODEL_NODES_MAX);
	if (i < 0)
		return spec_no_memory(b->err);
	/* Doubles whenever the count reaches a power of two. */
	if ((i & (i - 1)) == 0) {
		places = reallocarray(b->places, i ? (size_t)i * 2 : 1, sizeof(*places));
		if (!places)
			return spec_no_memory(b->err);
		b->places = places;
	}
	memset(&b->places[i], 0, sizeof(b->places[i]));
	*index = (uint32_t)i;
	return 0;
}

static int parse_node(struct build *b, const struct object *object, uint32_t parent)
{
	struct node node = {
		.kind = object->kind,
		.parent = parent,
		.line = b->reader.item.line,
		.share = SHARE_DEFAULT,
		.limit = RATE_UNLIMITED,
		.rx = { .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED },
		.overhead = object->kind == NODE_UPLINK ? MODEL_OVERHEAD_DEFAULT : 0,
		.others = object == &schema_others,
	};
	uint32_t index = NODE_NONE;
	int r;

	if (node.others)
		strcpy(node.name, SPEC_OTHERS_NAME);
	r = add_node(b, &node, &index);
	if (r < 0)
		return r;
	b->places[index].part[PART_NODE] = here(b);
	r = parse_object(b, object, &node, index);
	if (r < 0)
		return r;
	b->model.nodes[index] = node;
	return 0;
}

static int parse_list(struct build *b, const struct field *f, uint32_t parent)
{
	if (b->reader.item.kind != ITEM_LIST)
		return refuse_kind(b, f);
	for (;;) {
		int r = reader_next(&b->reader);

		if (r < 0)
			return r;
		if (b->reader.item.kind == ITEM_LIST_END)
			return 0;
		if (b->reader.item.kind != ITEM_MAPPING)
			return spec_refuse(
				b->err, b->reader.item.line, b->reader.item.column,
				"%s: %s in the list; expected a mapping for each, such as {name: a, ...}",
				f->key, item_text(&b->reader.item));
		r = parse_node(b, f->object, parent);
		if (r < 0)
			return r;
	}
}

/* Remember where a part of a node is said, for what model_validate() finds. */
static void keep_place(struct build *b, const struct field *f, uint32_t node)
{
	static const struct {
		const char *key;
		enum model_part part;
	} parts[] = {
		{ "name", PART_NAME },    { "limit", PART_LIMIT },  { "capacity", PART_LIMIT },
		{ "share", PART_SHARE },  { "nic", PART_SELECTOR }, { "vm", PART_SELECTOR },
		{ "mac", PART_SELECTOR }, { "as", PART_AS },       { "container", PART_SELECTOR },
		{ "reserve", PART_RESERVE }, { "rx", PART_RX },  { "rx_capacity", PART_RX },
	};

	if (strcmp(f->key, "slot") == 0 || (strcmp(f->key, "gate") == 0 && !b->slot.line))
		b->slot = here(b);
	if (node == NODE_NONE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcmp(f->key, parts[i].key) == 0)
			b->places[node].part[parts[i].part] = here(b);
}

/* No host can have slots so short with this gate. */
static int check_slot(struct build *b)
{
	static const uint64_t slot_min_ns[] = {
		[GATE_FREEZE] = GATE_FREEZE_SLOT_MIN_NS,
		[GATE_QUOTA] = GATE_QUOTA_SLOT_MIN_NS,
	};
	const struct schedule *s = &b->model.schedule;
	uint64_t least = slot_min_ns[s->gate];

	if (s->resource != RESOURCE_CPU || s->slot_ns >= least)
		return 0;
	return spec_refuse(b->err, b->slot.line, b->slot.column,
			   "a slot of %.6gms is too short for gate %s; expected slot: %.6gms at least",
			   (double)s->slot_ns / NSEC_PER_MSEC, gate_names[s->gate],
			   (double)least / NSEC_PER_MSEC);
}

static int parse_schedule(struct build *b, const struct object *object)
{
	int r;

	b->model.schedule.line = b->reader.item.line;
	r = parse_object(b, object, &b->model.schedule, NODE_NONE);
	return r < 0 ? r : check_slot(b);
}

/* What the node has in the other direction: a word, or a mapping. target: the node. */
static int parse_terms(struct build *b, const struct field *f, struct node *target)
{
	if (b->reader.item.kind != ITEM_MAPPING)
		return parse_scalar(b, f, target);
	target->rx_mode = RX_OWN;
	return parse_object(b, f->object, &target->rx, NODE_NONE);
}

static int parse_value(struct build *b, const struct field *f, void *target, uint32_t node)
{
	int r;

	r = reader_next(&b->reader);
	if (r < 0)
		return r;
	keep_place(b, f, node);
	if (f->flags & FIELD_LIST)
		return parse_list(b, f, node);
	if (f->flags & FIELD_TERMS)
		return parse_terms(b, f, target);
	if (!f->object)
		return parse_scalar(b, f, target);
	if (b->reader.item.kind != ITEM_MAPPING)
		return refuse_kind(b, f);
	return f->flags & FIELD_NODE ? parse_node(b, f->object, node) : parse_schedule(b, f->object);
}

static int refuse_key(struct build *b, const struct mapping *m)
{
	const struct item *item = &b->reader.item;
	const char *near = schema_suggest(m->object, item->text);
	char quoted[QUOTE_SIZE], keys[160];

	quote(item->text, item->size, quoted);
	schema_keys(m->object, keys, sizeof(keys));
	if (near)
		return spec_refuse(b->err, item->line, item->column,
				   "unknown key %s in %s; did you mean \"%s\"?", quoted, m->object->what,
				   near);
	return spec_refuse(b->err, item->line, item->column, "unknown key %s in %s; expected %s", quoted,
			   m->object->what, keys);
}

/* The key that the reader stands at: known and new. */
static int check_key(struct build *b, struct mapping *m, const struct field **out)
{
	const struct item *item = &b->reader.item;
	const struct field *f;
	uint32_t *seen;

	if (item->kind != ITEM_SCALAR)
		return spec_refuse(b->err, item->line, item->column, "%s as a key; expected a word",
				   item_text(item));
	f = strlen(item->text) == item->size ? schema_find(m->object, item->text) : NULL;
	if (!f)
		return refuse_key(b, m);
	seen = &m->seen[f - m->object->fields];
	if (*seen)
		return spec_refuse(b->err, item->line, item->column,
				   "key \"%s\" twice in %s; expected it once, it is already in line %u",
				   f->key, m->object->what, *seen);
	*seen = item->line;
	if (f->flags & FIELD_SELECTOR) {
		if (m->selector)
			return spec_refuse(b->err, item->line, item->column,
					   "both %s and %s in %s; expected one of nic, vm, mac and container",
					   m->selector->key, f->key, m->object->what);
		m->selector = f;
	}
	*out = f;
	return 0;
}

/*
 * Something is missing in a mapping that ends here; if it ends because the YAML is broken, say that instead.
 */
static int refuse_missing(struct build *b, const struct mapping *m, const char *what, const char *expected)
{
	const struct item *item = &b->reader.item;
	int r;

	do {
		r = reader_next(&b->reader);
		if (r < 0)
			return r;
	} while (item->kind == ITEM_MAPPING_END || item->kind == ITEM_LIST_END);
	return spec_refuse(b->err, m->start.line, m->start.column, "no %s in %s; expected %s", what,
			   m->object->what, expected);
}

static int check_complete(struct build *b, const struct mapping *m)
{
	const struct field *content = NULL; /* the first that it might have */
	bool wants_selector = false, has_content = false;

	for (size_t i = 0; i < m->object->n_fields; i++) {
		const struct field *f = &m->object->fields[i];

		if ((f->flags & FIELD_REQUIRED) && !m->seen[i])
			return refuse_missing(b, m, f->key, f->expected);
		wants_selector |= f->flags & FIELD_SELECTOR;
		if (f->flags & FIELD_CONTENT && !content)
			content = f;
		has_content |= f->flags & FIELD_CONTENT && m->seen[i];
	}
	if (content && !has_content)
		return refuse_missing(b, m, content->key, "devices or networks");
	if (wants_selector && !m->selector)
		return refuse_missing(b, m, "vNIC", "one of nic, vm, mac and container");
	return 0;
}

/* From the mapping's start, where the reader is, to its end. node: what target becomes, or NODE_NONE. */
static int parse_object(struct build *b, const struct object *object, void *target, uint32_t node)
{
	struct mapping m = { .object = object, .start = here(b) };

	for (;;) {
		const struct field *f = NULL;
		int r = reader_next(&b->reader);

		if (r < 0)
			return r;
		if (b->reader.item.kind == ITEM_MAPPING_END)
			return check_complete(b, &m);
		r = check_key(b, &m, &f);
		if (r < 0 || !f) /* !f: clang's analyzer does not see that r is negative then */
			return r;
		r = parse_value(b, f, target, node);
		if (r < 0)
			return r;
	}
}

static int parse_document(struct build *b)
{
	const struct item *item = &b->reader.item;
	int r;

	r = reader_next(&b->reader);
	if (r < 0)
		return r;
	if (item->kind == ITEM_END || (item->kind == ITEM_SCALAR && item->is_null))
		return spec_refuse(b->err, 1, 1,
				   "an empty document; expected \"uplinks:\" and a list of uplinks");
	if (item->kind != ITEM_MAPPING)
		return spec_refuse(b->err, item->line, item->column,
				   "%s; expected a mapping with the key \"uplinks\"", item_text(item));
	r = parse_object(b, &schema_root, &b->preamble, NODE_NONE);
	if (r < 0)
		return r;
	/* Finds what stands behind the document. */
	return reader_next(&b->reader);
}

static int validate(struct build *b)
{
	struct model_error fault = { .node = NODE_NONE };
	struct place place = { 0 };
	int r;

	if (b->model.n_nodes == 0)
		return spec_refuse(b->err, 1, 1, "no uplink in the list; expected at least one");
	r = model_validate(&b->model, &fault);
	if (r >= 0)
		return 0;
	place.line = fault.line;
	if (fault.node != NODE_NONE) {
		const struct node_places *places = &b->places[fault.node];

		/* A part that was not written out, such as a default share, is its node's. */
		place = places->part[fault.part].line ? places->part[fault.part] : places->part[PART_NODE];
	}
	spec_refuse(b->err, place.line, place.column, "%s", fault.text);
	return r;
}

int spec_parse(const char *text, size_t size, struct model *out, struct spec_error *err)
{
	_cleanup_(build_free) struct build b = { .err = err };
	int r;

	model_init(&b.model);
	if (size > SPEC_TEXT_MAX)
		return spec_refuse(err, 0, 0, "%zu bytes; a specification has at most %d", size,
				   SPEC_TEXT_MAX);
	r = textcheck(text, size, err);
	if (r < 0)
		return r;
	r = reader_open(&b.reader, text, size, err);
	if (r < 0)
		return r;
	r = parse_document(&b);
	if (r < 0)
		return r;
	r = validate(&b);
	if (r < 0)
		return r;
	*out = b.model;
	model_init(&b.model);
	return 0;
}
