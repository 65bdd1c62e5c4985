// SPDX-License-Identifier: GPL-2.0-or-later
#include "expand.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void expansion_free(struct expansion *e)
{
	model_free(&e->model);
	free(e->written);
	free(e->first);
	*e = (struct expansion){ 0 };
	model_init(&e->model);
}

static int put(struct expansion *e, const struct node *node, uint32_t written, size_t first)
{
	int64_t i = model_add(&e->model, node);

	if (i < 0)
		return i == -E2BIG ? -ENOSPC : (int)i;
	e->written[i] = written;
	e->first[i] = first;
	return (int)i;
}

/* What a device or a vNIC of others is called, among the matches of one node. */
static int put_instance(struct expansion *e, const struct node *node, uint32_t written, int64_t network,
			const struct match *m, size_t at)
{
	struct node one = *node;

	if (network >= 0) {
		one = (struct node){ .kind = NODE_DEVICE,
				     .parent = (uint32_t)network,
				     .line = node->line,
				     .share = SHARE_DEFAULT,
				     .limit = RATE_UNLIMITED,
				     .rx_mode = node->rx_mode == RX_NONE ? RX_NONE : RX_SAME,
				     .select = SELECT_NIC };
		snprintf(one.name, sizeof(one.name), "%s", m->instance);
	}
	one.instance = network < 0;
	snprintf(one.selector, sizeof(one.selector), "%s", m->instance);
	return put(e, &one, written, at);
}

/* A node with all that it becomes; the matches list[*at..end-1] are its own, and *at is moved behind them. */
static int put_node(struct expansion *e, const struct node *node, uint32_t written, const struct match *list,
		    size_t *at, size_t end)
{
	bool others = node->kind == NODE_NETWORK && node->others;
	bool each = others || (node->kind == NODE_DEVICE && model_is_each(node));
	int64_t network = -1;
	int err = 0;

	if (!each || others || *at == end) {
		err = put(e, node, written, *at);
		network = others ? err : -1;
	}
	while (each && *at < end && err >= 0) {
		size_t first = *at;

		while (*at < end && strcmp(list[*at].instance, list[first].instance) == 0)
			(*at)++;
		err = put_instance(e, node, written, network, &list[first], first);
	}
	*at = end;
	return err;
}

int expand(const struct model *written, const struct match_list *matches, struct expansion *out)
{
	_cleanup_free_ uint32_t *now = calloc(written->n_nodes + 1, sizeof(*now));
	_cleanup_(expansion_free) struct expansion e = { 0 };
	size_t room = written->n_nodes + matches->n + 1, at = 0;

	model_init(&e.model);
	e.model.schedule = written->schedule;
	e.written = calloc(room, sizeof(*e.written));
	e.first = calloc(room + 1, sizeof(*e.first));
	if (!now || !e.written || !e.first)
		return -ENOMEM;
	for (uint32_t i = 0; i < written->n_nodes; i++) {
		struct node node = written->nodes[i];
		size_t end = at;
		int err;

		if (node.parent != NODE_NONE)
			node.parent = now[node.parent];
		now[i] = (uint32_t)e.model.n_nodes;
		while (end < matches->n && matches->list[end].node == i)
			end++;
		err = put_node(&e, &node, i, matches->list, &at, end);
		if (err < 0)
			return err;
	}
	e.first[e.model.n_nodes] = at;
	*out = e;
	e = (struct expansion){ 0 };
	return 0;
}
