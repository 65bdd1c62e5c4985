// SPDX-License-Identifier: GPL-2.0-or-later
#include "classids.h"

#include "base/cleanup.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int minors_init(struct minors *t)
{
	t->by_name = json_object();
	return t->by_name ? 0 : -ENOMEM;
}

void minors_free(struct minors *t)
{
	json_decref(t->by_name);
	t->by_name = NULL;
}

#define MAP_BYTES (UINT16_MAX / 8 + 1)

static bool taken(const uint8_t *map, uint16_t minor)
{
	return map[minor / 8] & (1 << (minor % 8));
}

static void take(uint8_t *map, uint16_t minor)
{
	map[minor / 8] |= (uint8_t)(1 << (minor % 8));
}

static void key_of(const struct model *m, const char *uplink, size_t i, char *key, size_t size)
{
	char name[MODEL_FULL_NAME_SIZE];

	/* A network and a device may have one name. */
	snprintf(key, size, "%s/%s%s", uplink, model_full_name(m, (uint32_t)i, name),
		 m->nodes[i].kind == NODE_NETWORK ? "/" : "");
}

/* One uplink's nodes, first..next-1; known assignments first, so that a new node never takes one of them. */
static int assign_uplink(const struct minors *t, json_t *fresh, const struct model *m, size_t first,
			 size_t next, bool (*busy)(const char *, uint16_t, void *), void *arg, uint16_t *out)
{
	const char *uplink = m->nodes[first].name;
	char key[2 * MODEL_FULL_NAME_SIZE];
	_cleanup_free_ uint8_t *map = calloc(1, MAP_BYTES);
	uint16_t free_minor = TREE_MINOR_FIRST;

	if (!map)
		return -ENOMEM;
	out[first] = 0;
	for (size_t i = first + 1; i < next; i++) {
		json_int_t known;

		key_of(m, uplink, i, key, sizeof(key));
		known = json_integer_value(json_object_get(t->by_name, key));
		out[i] = 0;
		if (known >= TREE_MINOR_FIRST && known <= TREE_MINOR_LAST && !taken(map, (uint16_t)known)) {
			out[i] = (uint16_t)known;
			take(map, out[i]);
		}
	}
	for (size_t i = first + 1; i < next; i++) {
		if (!out[i]) {
			while (free_minor <= TREE_MINOR_LAST &&
			       (taken(map, free_minor) || busy(uplink, free_minor, arg)))
				free_minor++;
			if (free_minor > TREE_MINOR_LAST)
				return -ENOSPC;
			out[i] = free_minor;
			take(map, free_minor);
		}
		key_of(m, uplink, i, key, sizeof(key));
		if (json_object_set_new(fresh, key, json_integer(out[i])) < 0)
			return -ENOMEM;
	}
	return 0;
}

int minors_assign(struct minors *t, const struct model *m,
		  bool (*busy)(const char *uplink, uint16_t minor, void *arg), void *arg, uint16_t *out)
{
	json_t *fresh = json_object();
	int err = fresh ? 0 : -ENOMEM;

	for (size_t first = 0, next; !err && first < m->n_nodes; first = next) {
		for (next = first + 1; next < m->n_nodes && m->nodes[next].kind != NODE_UPLINK; next++)
			;
		err = assign_uplink(t, fresh, m, first, next, busy, arg, out);
	}
	if (err < 0) {
		json_decref(fresh);
		return err;
	}
	json_decref(t->by_name);
	t->by_name = fresh;
	return 0;
}

/* minors_assign() never changes a table in place, so a reference is a copy. */
void *minors_keep(const struct minors *t)
{
	return json_incref(t->by_name);
}

void minors_restore(struct minors *t, void *kept)
{
	json_decref(t->by_name);
	t->by_name = kept;
}

void minors_drop(void *kept)
{
	json_decref(kept);
}
