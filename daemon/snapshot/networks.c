// SPDX-License-Identifier: GPL-2.0-or-later
#include "networks.h"

#include <errno.h>
#include <stdlib.h>

void snapshot_networks_free(struct snapshot_networks *s)
{
	free(s->list);
	*s = (struct snapshot_networks){ 0 };
}

static void sum_devices(const struct model *m, uint32_t node, const struct directed *in, struct snapshot_flow *f)
{
	size_t end = model_end(m, node);

	for (size_t i = node + 1; i < end; i++)
		if (m->nodes[i].kind == NODE_DEVICE)
			snapshot_flow_add(f, &(struct snapshot_flow){ .sent = in->sent[i] });
}

static size_t count_devices(const struct model *m, uint32_t node)
{
	size_t n = 0, end = model_end(m, node);

	for (size_t i = node + 1; i < end; i++)
		n += m->nodes[i].kind == NODE_DEVICE;
	return n;
}

int snapshot_networks_make(const struct daemon *d, const struct readings *r, struct snapshot_networks *out)
{
	const struct model *m = &d->plan.model;
	struct snapshot_networks s = { .list = calloc(m->n_nodes + 1, sizeof(*s.list)) };
	size_t devices = 0;

	if (!s.list)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct snapshot_network *n = &s.list[s.n];

		devices += m->nodes[i].kind == NODE_DEVICE;
		if (m->nodes[i].kind != NODE_NETWORK)
			continue;
		s.n++;
		n->first_device = devices;
		n->n_devices = count_devices(m, i);
		model_full_name(m, i, n->name);
		for (enum direction k = 0; k < N_DIRECTIONS; k++) {
			snapshot_flow_make(d, r, i, k, &n->flow[k]);
			if (n->flow[k].wanted)
				sum_devices(m, i, &r->in[k], &n->flow[k]);
		}
	}
	*out = s;
	return 0;
}
