/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scenario_file.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "spec/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (256 * 1024) /* bytes */
#define LIST_MAX 1000
#define NUMBER_MAX 1000000000UL

enum raw_type {
	RAW_TEXT,
	RAW_NUMBER,
	RAW_FLAG,
	RAW_NUMBERS, /* a list */
	RAW_TEXTS,   /* a list */
	RAW_OBJECTS, /* a list */
};

struct raw_object;

struct raw_field {
	const char *key;
	enum raw_type type;
	bool required;
	size_t offset;
	const struct raw_object *of; /* RAW_OBJECTS */
};

struct raw_object {
	const char *what;
	size_t size;
	const struct raw_field *fields; /* up to one without key */
};

#define FIELD(type_, key_, type, required) { #key_, type, required, offsetof(struct type_, key_), NULL }

static const struct raw_field vm_fields[] = {
	FIELD(raw_vm, name, RAW_TEXT, true),
	FIELD(raw_vm, traffic, RAW_TEXT, false),
	FIELD(raw_vm, receives, RAW_TEXT, false),
	FIELD(raw_vm, rate, RAW_TEXT, false),
	FIELD(raw_vm, nic, RAW_TEXT, false),
	FIELD(raw_vm, kind, RAW_TEXT, false),
	FIELD(raw_vm, qdisc, RAW_TEXT, false),
	FIELD(raw_vm, size, RAW_NUMBER, false),
	FIELD(raw_vm, streams, RAW_NUMBER, false),
	FIELD(raw_vm, ping, RAW_FLAG, false),
	{},
};
static const struct raw_object vm_object = { "a VM", sizeof(struct raw_vm), vm_fields };

static const struct raw_field phase_fields[] = {
	FIELD(raw_phase, name, RAW_TEXT, false),
	FIELD(raw_phase, scheduler, RAW_TEXT, false),
	FIELD(raw_phase, seconds, RAW_NUMBER, true),
	FIELD(raw_phase, action, RAW_TEXT, false),
	FIELD(raw_phase, backpressure, RAW_TEXT, false),
	FIELD(raw_phase, schedule, RAW_TEXT, false),
	FIELD(raw_phase, shares, RAW_NUMBERS, false),
	FIELD(raw_phase, reserves, RAW_NUMBERS, false),
	FIELD(raw_phase, senders, RAW_TEXTS, false),
	FIELD(raw_phase, idle, RAW_FLAG, false),
	{},
};
static const struct raw_object phase_object = { "a phase", sizeof(struct raw_phase), phase_fields };

static const struct raw_field under_fields[] = {
	FIELD(raw_under, name, RAW_TEXT, true),
	FIELD(raw_under, scheduler, RAW_TEXT, true),
	FIELD(raw_under, backpressure, RAW_TEXT, false),
	FIELD(raw_under, schedule, RAW_TEXT, false),
	FIELD(raw_under, senders, RAW_TEXTS, false),
	FIELD(raw_under, full, RAW_FLAG, false),
	FIELD(raw_under, idle, RAW_FLAG, false),
	{},
};
static const struct raw_object under_object = { "an item of under", sizeof(struct raw_under), under_fields };

static const struct raw_field raw_fields[] = {
	FIELD(raw, name, RAW_TEXT, true),
	FIELD(raw, title, RAW_TEXT, true),
	FIELD(raw, section, RAW_TEXT, false),
	FIELD(raw, figures, RAW_NUMBERS, false),
	FIELD(raw, quick, RAW_NUMBER, false),
	FIELD(raw, wire, RAW_TEXT, true),
	FIELD(raw, capacity, RAW_TEXT, false),
	FIELD(raw, topology, RAW_TEXT, false),
	FIELD(raw, repeat, RAW_NUMBER, false),
	FIELD(raw, queue, RAW_NUMBER, false),
	FIELD(raw, pin, RAW_NUMBER, false),
	FIELD(raw, pin_devices, RAW_FLAG, false),
	{ "vms", RAW_OBJECTS, true, offsetof(struct raw, vms), &vm_object },
	{ "under", RAW_OBJECTS, false, offsetof(struct raw, under), &under_object },
	{ "phases", RAW_OBJECTS, true, offsetof(struct raw, phases), &phase_object },
	{},
};
static const struct raw_object raw_object = { "a scenario", sizeof(struct raw), raw_fields };

/* What is wrong with the present item. */
__attribute__((format(printf, 2, 3))) static int wrong(struct reader *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->err->text, sizeof(r->err->text), fmt, args);
	va_end(args);
	r->err->line = r->item.line;
	return -EINVAL;
}

static int parse_text(struct reader *r, const struct raw_field *f, char **out)
{
	if (r->item.kind != ITEM_SCALAR || r->item.size == 0 || strlen(r->item.text) != r->item.size)
		return wrong(r, "%s: expected a text", f->key);
	*out = strdup(r->item.text);
	return *out ? 0 : -ENOMEM;
}

static int parse_number(struct reader *r, const struct raw_field *f, uint32_t *out)
{
	unsigned long v = 0;
	char *end = NULL;

	if (r->item.kind == ITEM_SCALAR && r->item.text[0] >= '0' && r->item.text[0] <= '9')
		v = strtoul(r->item.text, &end, 10);
	if (!end || *end || v > NUMBER_MAX)
		return wrong(r, "%s: expected a whole number", f->key);
	*out = (uint32_t)v;
	return 0;
}

static int parse_flag(struct reader *r, const struct raw_field *f, bool *out)
{
	bool yes = r->item.kind == ITEM_SCALAR && strcmp(r->item.text, "true") == 0;

	if (!yes && (r->item.kind != ITEM_SCALAR || strcmp(r->item.text, "false") != 0))
		return wrong(r, "%s: expected true or false", f->key);
	*out = yes;
	return 0;
}

static int parse_object(struct reader *r, const struct raw_object *o, char *base);

static int parse_list(struct reader *r, const struct raw_field *f, struct raw_list *out)
{
	size_t size = f->of ? f->of->size : f->type == RAW_TEXTS ? sizeof(char *) : sizeof(uint32_t);
	int err;

	if (r->item.kind != ITEM_LIST)
		return wrong(r, "%s: expected a list", f->key);
	for (;;) {
		char *item;

		err = reader_next(r);
		if (err < 0)
			return err;
		if (r->item.kind == ITEM_LIST_END)
			return out->n ? 0 : wrong(r, "%s: the list is empty", f->key);
		if (out->n == LIST_MAX)
			return wrong(r, "%s: more than %d", f->key, LIST_MAX);
		if (array_reserve(&out->items, out->n, size) < 0)
			return -ENOMEM;
		item = (char *)out->items + out->n++ * size;
		memset(item, 0, size);
		if (f->of)
			err = parse_object(r, f->of, item);
		else if (f->type == RAW_TEXTS)
			err = parse_text(r, f, (char **)(void *)item);
		else
			err = parse_number(r, f, (uint32_t *)(void *)item);
		if (err < 0)
			return err;
	}
}

static int parse_value(struct reader *r, const struct raw_field *f, char *base)
{
	void *at = base + f->offset;

	switch (f->type) {
	case RAW_TEXT:
		return parse_text(r, f, at);
	case RAW_NUMBER:
		return parse_number(r, f, at);
	case RAW_FLAG:
		return parse_flag(r, f, at);
	case RAW_NUMBERS:
	case RAW_TEXTS:
	case RAW_OBJECTS:
		return parse_list(r, f, at);
	}
	return -EINVAL;
}

/* The present item is where the object begins. */
static int parse_object(struct reader *r, const struct raw_object *o, char *base)
{
	uint32_t seen = 0, line = r->item.line;
	size_t i;
	int err;

	if (r->item.kind != ITEM_MAPPING)
		return wrong(r, "expected %s: keys and values", o->what);
	for (;;) {
		err = reader_next(r);
		if (err < 0)
			return err;
		if (r->item.kind == ITEM_MAPPING_END)
			break;
		if (r->item.kind != ITEM_SCALAR)
			return wrong(r, "expected a key of %s", o->what);
		for (i = 0; o->fields[i].key && strcmp(o->fields[i].key, r->item.text) != 0; i++)
			;
		if (!o->fields[i].key)
			return wrong(r, "%.60s: %s has no such key", r->item.text, o->what);
		if (seen & 1U << i)
			return wrong(r, "%s: said twice", o->fields[i].key);
		seen |= 1U << i;
		err = reader_next(r);
		if (err == 0)
			err = parse_value(r, &o->fields[i], base);
		if (err < 0)
			return err;
	}
	for (i = 0; o->fields[i].key; i++)
		if (o->fields[i].required && !(seen & 1U << i)) {
			r->item.line = line;
			return wrong(r, "%s needs \"%s\"", o->what, o->fields[i].key);
		}
	return 0;
}

int raw_load(const char *path, struct raw *out, struct errtext *e)
{
	_cleanup_free_ char *text = NULL;
	struct spec_error err = {};
	struct reader r;
	ssize_t size = file_read_alloc(AT_FDCWD, path, FILE_MAX, &text);
	int ret;

	if (size < 0)
		return errtext_set(e, (int)size, "%s: %s", path, strerror((int)-size));
	if (size == FILE_MAX)
		return errtext_set(e, -EINVAL, "%s: larger than a scenario can be", path);
	ret = reader_open(&r, text, (size_t)size, &err);
	if (ret == 0) {
		ret = reader_next(&r);
		if (ret == 0)
			ret = parse_object(&r, &raw_object, (char *)out);
		if (ret == 0)
			ret = reader_next(&r); /* nothing else may follow */
		reader_close(&r);
	}
	if (ret < 0)
		return errtext_set(e, ret, "%s:%u: %s", path, err.line,
				   err.text[0] ? err.text : strerror(-ret));
	return 0;
}

/* Everything that a table of fields says is owned. */
static void free_fields(const struct raw_object *o, void *base)
{
	for (const struct raw_field *f = o->fields; f->key; f++) {
		struct raw_list *list = (void *)((char *)base + f->offset);

		if (f->type == RAW_TEXT)
			free(*(char **)(void *)list);
		if (f->type != RAW_NUMBERS && f->type != RAW_TEXTS && f->type != RAW_OBJECTS)
			continue;
		for (size_t i = 0; i < list->n; i++)
			if (f->of)
				free_fields(f->of, (char *)list->items + i * f->of->size);
			else if (f->type == RAW_TEXTS)
				free(((char **)list->items)[i]);
		free(list->items);
	}
}

void raw_free(struct raw *r)
{
	free_fields(&raw_object, r);
	*r = (struct raw){};
}
