/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "model.h"
#include "base/cleanup.h"
#include "pattern.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const gate_names[] = { [GATE_FREEZE] = "freeze", [GATE_QUOTA] = "quota", NULL };

const struct schedule schedule_default = {
	.resource = RESOURCE_DEVICE,
	.policy = "paper",
	.gate = GATE_FREEZE,
	.slot_ns = 10 * NSEC_PER_MSEC,
	.slots = 10,
	.lanes = 1,
};

bool schedule_same(const struct schedule *a, const struct schedule *b)
{
	return a->resource == b->resource && strcmp(a->policy, b->policy) == 0 && a->gate == b->gate &&
	       a->slot_ns == b->slot_ns && a->slots == b->slots && a->lanes == b->lanes &&
	       a->burst_ns == b->burst_ns && a->strict == b->strict && a->spread == b->spread;
}

void model_init(struct model *m)
{
	*m = (struct model){ .schedule = schedule_default };
}

void model_free(struct model *m)
{
	free(m->nodes);
	model_init(m);
}

/* The array's room is the next power of two, so that it doubles without a field for it. */
static size_t room(size_t n)
{
	size_t r = 1;

	while (r < n)
		r *= 2;
	return r;
}

int model_copy(struct model *dst, const struct model *src)
{
	struct node *nodes = NULL;

	if (src->n_nodes) {
		nodes = calloc(room(src->n_nodes), sizeof(*nodes));
		if (!nodes)
			return -ENOMEM;
		memcpy(nodes, src->nodes, src->n_nodes * sizeof(*nodes));
	}
	*dst = (struct model){ .nodes = nodes, .n_nodes = src->n_nodes, .schedule = src->schedule };
	return 0;
}

/* In preorder the next node's parent is the last node or one that the last node stands under. */
static bool keeps_preorder(const struct model *m, const struct node *node)
{
	uint32_t up;

	if (node->kind == NODE_UPLINK)
		return node->parent == NODE_NONE;
	if (node->parent >= m->n_nodes || m->nodes[node->parent].kind == NODE_DEVICE)
		return false;
	up = (uint32_t)m->n_nodes - 1;
	while (up > node->parent && up != NODE_NONE)
		up = m->nodes[up].parent;
	return up == node->parent;
}

int64_t model_add(struct model *m, const struct node *node)
{
	struct node copy = *node; /* it may be one of the array that moves */
	struct node *nodes = m->nodes;

	if (m->n_nodes >= MODEL_NODES_MAX)
		return -E2BIG;
	if (!keeps_preorder(m, node))
		return -EINVAL;

	if (!nodes || m->n_nodes == room(m->n_nodes)) {
		nodes = reallocarray(nodes, room(m->n_nodes + 1), sizeof(*nodes));
		if (!nodes)
			return -ENOMEM;
		m->nodes = nodes;
	}
	nodes[m->n_nodes] = copy;
	return (int64_t)m->n_nodes++;
}

size_t model_end(const struct model *m, size_t i)
{
	size_t next = i + 1;

	/* What stands under i is behind it, and so is its parent. */
	while (next < m->n_nodes && m->nodes[next].parent != NODE_NONE && m->nodes[next].parent >= i)
		next++;
	return next;
}

size_t model_uplink_end(const struct model *m, size_t first)
{
	return model_end(m, first);
}

bool model_has_several_uplinks(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_nodes; i++)
		n += m->nodes[i].kind == NODE_UPLINK;
	return n > 1;
}

uint32_t model_uplink_of(const struct model *m, uint32_t i)
{
	while (m->nodes[i].parent != NODE_NONE)
		i = m->nodes[i].parent;
	return i;
}

const char *model_full_name(const struct model *m, uint32_t i, char buf[MODEL_FULL_NAME_SIZE])
{
	uint32_t way[MODEL_NETWORKS_DEEP + 1], deep = 0;
	const struct node *node = &m->nodes[i];
	size_t n = 0;

	/* A model that was not validated may have more networks: the lowest are named. */
	for (uint32_t up = node->parent; up != NODE_NONE && m->nodes[up].kind == NODE_NETWORK; up = m->nodes[up].parent)
		if (deep < MODEL_NETWORKS_DEEP)
			way[deep++] = up;
	while (deep > 0)
		n += (size_t)snprintf(buf + n, MODEL_FULL_NAME_SIZE - n, "%s/", m->nodes[way[--deep]].name);
	snprintf(buf + n, MODEL_FULL_NAME_SIZE - n, "%s%s%.*s", node->name, node->instance ? "/" : "",
		 MODEL_SELECTOR_SIZE - 1, node->instance ? node->selector : "");
	return buf;
}

bool model_is_pattern(const struct node *device)
{
	return device->select != SELECT_CONTAINER && pattern_is(device->selector);
}

bool model_is_each(const struct node *device)
{
	return device->as == AS_EACH && model_is_pattern(device);
}

/* How a name can mean a node; a lower one goes before a higher one. */
enum match {
	MATCH_FULL,
	MATCH_UPLINK,
	MATCH_END,
	N_MATCHES,
};

/* Both are read from their ends: what the node is called, then what it stands in. Most nodes end at the first. */
static enum match match(const struct model *m, uint32_t i, const char *name, size_t left)
{
	for (;;) {
		const struct node *node = &m->nodes[i];
		size_t len = strlen(node->name);

		if (len > left || memcmp(name + left - len, node->name, len) != 0)
			return N_MATCHES;
		left -= len;
		if (node->kind == NODE_UPLINK)
			return left ? N_MATCHES : MATCH_UPLINK;
		i = node->parent;
		if (!left)
			return m->nodes[i].kind == NODE_UPLINK ? MATCH_FULL : MATCH_END;
		if (name[--left] != '/')
			return N_MATCHES;
	}
}

int64_t model_find(const struct model *m, const char *name)
{
	size_t n[N_MATCHES] = { 0 }, len = strlen(name);
	uint32_t found[N_MATCHES];

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		enum match how;

		if (m->nodes[i].kind == NODE_UPLINK)
			continue;
		how = match(m, i, name, len);
		if (how == N_MATCHES)
			continue;
		found[how] = i;
		n[how]++;
	}
	for (int how = 0; how < N_MATCHES; how++)
		if (n[how])
			return n[how] == 1 ? (int64_t)found[how] : -ENOTUNIQ;
	return -ENOENT;
}
