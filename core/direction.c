// SPDX-License-Identifier: GPL-2.0-or-later
#include "direction.h"

#include <errno.h>
#include <stdlib.h>

const char *const direction_names[] = { [DIRECTION_TX] = "tx", [DIRECTION_RX] = "rx", NULL };

const char *direction_note(enum direction direction)
{
	return direction == DIRECTION_RX ? " (rx)" : "";
}

static bool has_terms(const struct node *node, enum direction direction)
{
	/* The vNICs of others have terms if all of them have. */
	return (node->kind == NODE_DEVICE || node->others) && (direction == DIRECTION_TX || node->rx_mode != RX_NONE);
}

bool direction_is_used(const struct model *m, enum direction direction)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (has_terms(&m->nodes[i], direction))
			return true;
	return false;
}

bool *direction_parts(const struct model *m, enum direction direction)
{
	bool *part = calloc(m->n_nodes + 1, sizeof(*part));

	/* Children stand behind their parents. */
	for (size_t i = m->n_nodes; part && i-- > 0;) {
		part[i] = part[i] || has_terms(&m->nodes[i], direction);
		if (part[i] && m->nodes[i].parent != NODE_NONE)
			part[m->nodes[i].parent] = true;
	}
	return part;
}

/* capacity: of the uplink. A limit that is the same in both directions holds as far as the capacity goes. */
static void take_rx(struct node *node, struct rate capacity)
{
	struct terms t = { .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED };

	if (node->rx_mode == RX_OWN)
		t = node->rx;
	else if (node->rx_mode == RX_SAME)
		t = (struct terms){ .share = node->share,
				    .limit = node->limit.bytes_ps >= capacity.bytes_ps ? RATE_UNLIMITED : node->limit,
				    .reserve = node->reserve,
				    .burst = node->burst };
	node->share = t.share;
	node->limit = t.limit;
	node->reserve = t.reserve;
	node->burst = t.burst;
}

int direction_model(const struct model *m, enum direction direction, struct model *out)
{
	struct rate capacity = RATE_UNLIMITED;
	struct model copy;
	int err = model_copy(&copy, m);

	if (err < 0)
		return err;
	for (size_t i = 0; i < copy.n_nodes && direction == DIRECTION_RX; i++) {
		struct node *node = &copy.nodes[i];

		if (node->kind != NODE_UPLINK)
			take_rx(node, capacity);
		else if (node->rx_mode == RX_OWN)
			node->limit = node->rx.limit;
		if (node->kind == NODE_UPLINK)
			capacity = node->limit;
	}
	*out = copy;
	return 0;
}
