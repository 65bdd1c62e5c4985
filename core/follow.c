// SPDX-License-Identifier: GPL-2.0-or-later
#include "follow.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* A network with so much of its limit, or more, blocks its leaves now and then (quanta.c, 3). */
#define BOUNDED_PERCENT 90

/* Work of one division; leaves are those that send. */
struct work {
	struct quanta_leaf *leaf;
	struct quanta_class *class;
	uint32_t *node; /* of each leaf, counted from the uplink's */
	bool *bounded;  /* by node: it, or a network above it, is near its limit */
};

static void work_free(struct work *w)
{
	free(w->leaf);
	free(w->class);
	free(w->node);
	free(w->bounded);
}

static bool is_near(struct rate entitled, struct rate limit)
{
	return (unsigned __int128)entitled.bytes_ps * 100 >= (unsigned __int128)limit.bytes_ps * BOUNDED_PERCENT;
}

/* Devices that send are leaves of the division. The others keep their ceilings, and take turns of one packet. */
static size_t fill(const struct model *m, size_t first, size_t n, const struct demand *d, const struct rate *entitled,
		   struct work *w, struct quanta_class *out)
{
	size_t leaves = 0;

	for (size_t i = 0; i < n; i++) {
		const struct node *node = &m->nodes[first + i];

		if (node->kind == NODE_NETWORK)
			w->bounded[i] = w->bounded[node->parent - first] || is_near(entitled[i], node->limit);
		if (node->kind != NODE_DEVICE)
			continue;
		out[i].ceil = d[i].limit;
		out[i].quantum = d[i].packet < QUANTA_PACKET_MIN ? QUANTA_PACKET_MIN : d[i].packet;
		if (!d[i].backlogged && !entitled[i].bytes_ps)
			continue;
		w->node[leaves] = (uint32_t)i;
		w->leaf[leaves++] = (struct quanta_leaf){ .rate = d[i].guaranteed,
							  .entitled = entitled[i],
							  .backlogged = d[i].backlogged,
							  .bounded = w->bounded[node->parent - first],
							  .limit = d[i].limit,
							  .packet = d[i].packet };
	}
	return leaves;
}

int follow_divide(const struct model *m, size_t first, size_t end, struct demand *d, struct rate *entitled,
		  struct quanta_class *out)
{
	_cleanup_(work_free) struct work w = { 0 };
	size_t n = end - first, leaves;
	int err;

	w.leaf = calloc(n + 1, sizeof(*w.leaf));
	w.class = calloc(n + 1, sizeof(*w.class));
	w.node = calloc(n + 1, sizeof(*w.node));
	w.bounded = calloc(n + 1, sizeof(*w.bounded));
	if (!w.leaf || !w.class || !w.node || !w.bounded)
		return -ENOMEM;
	err = demand_entitle(m, first, end, d, entitled);
	if (err < 0)
		return err;
	leaves = fill(m, first, n, d, entitled, &w, out);
	quanta_divide(w.leaf, leaves, m->nodes[first].limit, w.class);
	for (size_t k = 0; k < leaves; k++)
		out[w.node[k]] = w.class[k];
	return 0;
}
