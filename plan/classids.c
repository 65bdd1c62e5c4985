// SPDX-License-Identifier: GPL-2.0-or-later
#include "classids.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

void classids_free(struct classids *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].key);
	free(c->list);
	*c = (struct classids){ 0 };
}

int classids_add(struct classids *c, const char *key, uint16_t minor)
{
	struct classid new = { .key = strdup(key), .minor = minor };

	if (!new.key || array_reserve(&c->list, c->n, sizeof(new)) < 0) {
		free(new.key);
		return -ENOMEM;
	}
	c->list[c->n++] = new;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct classid *)a)->key, ((const struct classid *)b)->key);
}

void classids_seal(struct classids *c)
{
	size_t kept = 0;

	if (!c->n)
		return;
	qsort(c->list, c->n, sizeof(*c->list), compare);
	for (size_t i = 0; i < c->n; i++) {
		if (kept && compare(&c->list[kept - 1], &c->list[i]) == 0)
			free(c->list[i].key);
		else
			c->list[kept++] = c->list[i];
	}
	c->n = kept;
}

static int compare_key(const void *key, const void *classid)
{
	return strcmp(key, ((const struct classid *)classid)->key);
}

/* 0: not known. */
static uint16_t known_minor(const struct classids *c, const char *key)
{
	const struct classid *found = c->n ? bsearch(key, c->list, c->n, sizeof(*found), compare_key) : NULL;

	return found && found->minor >= CLASSID_FIRST && found->minor <= CLASSID_LAST ? found->minor : 0;
}

/* From the node up. A network and a device may have one name. */
static const char *key_of(const struct model *m, size_t i, const char *instance, char key[CLASSID_KEY_SIZE])
{
	char *at = key + CLASSID_KEY_SIZE;
	size_t len = strnlen(instance, MODEL_SELECTOR_SIZE - 1);

	*--at = '\0';
	if (m->nodes[i].kind == NODE_NETWORK)
		*--at = '/';
	if (len) {
		at -= len + 2;
		memcpy(at, "//", 2);
		memcpy(at + 2, instance, len);
	}
	for (uint32_t up = (uint32_t)i;;) {
		len = strlen(m->nodes[up].name);
		at -= len;
		memcpy(at, m->nodes[up].name, len);
		up = m->nodes[up].parent;
		if (up == NODE_NONE || at - key < MODEL_NAME_SIZE)
			return at;
		*--at = '/';
	}
}

static const char *node_key(const struct model *m, size_t i, char key[CLASSID_KEY_SIZE])
{
	return key_of(m, i, m->nodes[i].instance ? m->nodes[i].selector : "", key);
}

uint16_t classids_minor(const struct classids *known, const struct model *m, uint32_t node, const char *instance)
{
	char key[CLASSID_KEY_SIZE];

	return known_minor(known, key_of(m, node, instance, key));
}

/* Known numbers first, so that a new node never takes one of them. */
static void keep_known(const struct classids *known, const struct model *m, size_t first, size_t next,
		       struct minor_set *taken, uint16_t *minors)
{
	char key[CLASSID_KEY_SIZE];

	for (size_t i = first + 1; i < next; i++) {
		minors[i] = known_minor(known, node_key(m, i, key));
		if (minors[i] && minor_set_has(taken, minors[i]))
			minors[i] = 0; /* a saved table that gives a number to two nodes */
		else if (minors[i])
			minor_set_add(taken, minors[i]);
	}
}

/* Numbers of this uplink whose classes are still there, although nothing has them now. */
static int keep_busy(const struct classids *known, const char *uplink, const struct minor_set *busy,
		     struct minor_set *taken, struct classids *fresh)
{
	size_t len = strlen(uplink);

	for (size_t i = 0; i < known->n; i++) {
		const struct classid *c = &known->list[i];

		if (strncmp(c->key, uplink, len) != 0 || c->key[len] != '/' || !minor_set_has(busy, c->minor) ||
		    minor_set_has(taken, c->minor))
			continue;
		minor_set_add(taken, c->minor);
		if (classids_add(fresh, c->key, c->minor) < 0)
			return -ENOMEM;
	}
	return 0;
}

int classids_assign(const struct classids *known, const struct model *m, size_t first, size_t next,
		    const struct minor_set *busy, struct classids *fresh, uint16_t *minors)
{
	_cleanup_free_ struct minor_set *taken = calloc(1, sizeof(*taken));
	char key[CLASSID_KEY_SIZE];
	uint16_t lowest = CLASSID_FIRST;

	if (!taken)
		return -ENOMEM;
	minors[first] = CLASSID_ROOT;
	keep_known(known, m, first, next, taken, minors);
	for (size_t i = first + 1; i < next; i++) {
		if (!minors[i]) {
			while (lowest <= CLASSID_LAST &&
			       (minor_set_has(taken, lowest) || minor_set_has(busy, lowest)))
				lowest++;
			if (lowest > CLASSID_LAST)
				return -ENOSPC;
			minors[i] = lowest++;
		}
		minor_set_add(taken, minors[i]);
		if (classids_add(fresh, node_key(m, i, key), minors[i]) < 0)
			return -ENOMEM;
	}
	return keep_busy(known, m->nodes[first].name, busy, taken, fresh);
}
