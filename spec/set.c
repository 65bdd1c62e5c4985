/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One key of a node or of the schedule from the command line, by the tables that serve the file, too. */
#include "schema.h"
#include "spec.h"

#include "base/cleanup.h"
#include "base/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The keys of a kind of node that may change while it runs, NULL-terminated. */
static void settable(const struct object *o, const char *keys[FIELDS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_fields; i++)
		if (o->fields[i].flags & FIELD_SET)
			keys[n++] = o->fields[i].key;
	keys[n] = NULL;
}

static const struct field *find_settable(const struct object *o, const char *key)
{
	const struct field *f = schema_find(o, key);

	return f && f->flags & FIELD_SET ? f : NULL;
}

/* "rx.limit": one of the node's terms in the other direction, which it then has. NULL: there is no such key. */
static const struct field *find_term(const struct object *o, const char *key)
{
	const struct field *rx = schema_find(o, "rx");

	if (!rx || strncmp(key, SPEC_RX_PREFIX, strlen(SPEC_RX_PREFIX)) != 0)
		return NULL;
	return find_settable(rx->object, key + strlen(SPEC_RX_PREFIX));
}

static void have_terms(struct node *node)
{
	if (node->rx_mode == RX_SAME)
		node->rx = (struct terms){ .share = node->share,
					   .limit = node->limit,
					   .reserve = node->reserve,
					   .burst = node->burst };
	else if (node->rx_mode == RX_NONE)
		node->rx = (struct terms){ .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED };
	node->rx_mode = RX_OWN;
}

const char *spec_node_key(const char *word)
{
	static const struct object *const objects[] = { &schema_device, &schema_uplink };
	const char *keys[FIELDS_MAX + 1], *near = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		const struct field *f = find_settable(objects[i], word);

		if (f)
			return f->key;
		if (find_term(objects[i], word))
			return word;
	}
	for (size_t i = 0; i < ARRAY_SIZE(objects) && !near; i++) {
		settable(objects[i], keys);
		near = words_nearest(keys, word);
	}
	return near;
}

bool spec_is_node_key(const char *word)
{
	return schema_find(&schema_device, word) || schema_find(&schema_network, word) || schema_find(&schema_uplink, word);
}

int spec_set_node(struct node *node, const char *key, const char *text, struct spec_error *err)
{
	const struct object *o = schema_of_node(node);
	const struct field *term = find_term(o, key), *f = term ? term : find_settable(o, key);
	struct node changed = *node;
	char why[UNITS_ERR_SIZE], list[128];
	const char *keys[FIELDS_MAX + 1];
	int r;

	*err = (struct spec_error){ 0 };
	if (!f) {
		settable(o, keys);
		snprintf(err->text, sizeof(err->text), "\"%.32s\" of %s cannot be set; expected %s", key, o->what,
			 words_list(keys, list, sizeof(list)));
		return -EINVAL;
	}
	if (term)
		have_terms(&changed);
	r = f->parse(f, text, term ? (void *)&changed.rx : (void *)&changed, why);
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "%s: %s", key, why);
		return r;
	}
	*node = changed;
	return 0;
}

bool spec_is_schedule_key(const char *key)
{
	return schema_find(&schema_schedule, key);
}

int spec_set_schedule(struct schedule *s, const char *key, const char *text, struct spec_error *err)
{
	const struct field *f = schema_find(&schema_schedule, key);
	struct schedule changed = *s;
	char why[UNITS_ERR_SIZE], keys[128];
	int r;

	*err = (struct spec_error){ 0 };
	if (!f || !f->parse) {
		const char *near = schema_suggest(&schema_schedule, key);

		if (near)
			snprintf(err->text, sizeof(err->text),
				 "unknown key \"schedule.%.60s\"; did you mean \"schedule.%s\"?", key, near);
		else
			snprintf(err->text, sizeof(err->text), "unknown key \"schedule.%.60s\"; expected %s",
				 key, schema_keys(&schema_schedule, keys, sizeof(keys)));
		return -EINVAL;
	}
	r = f->parse(f, text, &changed, why);
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "schedule.%s: %s", key, why);
		return r;
	}
	*s = changed;
	return 0;
}
