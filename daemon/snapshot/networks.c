// SPDX-License-Identifier: GPL-2.0-or-later
#include "networks.h"

#include "base/cleanup.h"
#include "core/admission.h"

#include <errno.h>

void snapshot_networks_free(struct snapshot_networks *s)
{
	free(s->list);
	free(s->reserve);
	*s = (struct snapshot_networks){ 0 };
}

static void freep_networks(struct snapshot_networks *s)
{
	snapshot_networks_free(s);
}

static void sum_devices(const struct model *m, const struct sample_rate *sent, struct snapshot_network *n)
{
	size_t end = model_end(m, n->node);

	for (size_t i = n->node + 1; i < end; i++) {
		if (m->nodes[i].kind != NODE_DEVICE)
			continue;
		n->n_devices++;
		n->known |= sent[i].known;
		n->delivered.bytes_ps += sent[i].known ? sent[i].delivered.bytes_ps : 0;
	}
}

int snapshot_networks_make(const struct plan *p, const struct rate *entitled, const struct sample_rate *sent,
			   struct snapshot_networks *out)
{
	_cleanup_(freep_networks) struct snapshot_networks s = { 0 };
	const struct model *m = &p->model;
	size_t devices = 0;

	s.list = calloc(m->n_nodes + 1, sizeof(*s.list));
	s.reserve = calloc(m->n_nodes + 1, sizeof(*s.reserve));
	if (!s.list || !s.reserve || admission_promised(m, s.reserve) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct snapshot_network *n = &s.list[s.n];

		devices += m->nodes[i].kind == NODE_DEVICE;
		if (m->nodes[i].kind != NODE_NETWORK)
			continue;
		*n = (struct snapshot_network){ .node = i,
						.share = m->nodes[i].share,
						.reserve = s.reserve[i],
						.limit = m->nodes[i].limit,
						.entitled = entitled[i],
						.first_device = devices };
		model_full_name(m, i, n->name);
		sum_devices(m, sent, n);
		s.n++;
	}
	*out = s;
	s = (struct snapshot_networks){ 0 };
	return 0;
}
