// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow.h"

#include "base/clock.h"

void snapshot_flow_make(const struct daemon *d, const struct readings *r, uint32_t node, enum direction direction,
			struct snapshot_flow *out)
{
	const struct model *m = plan_model(&d->plan, direction);
	const struct directed *in = &r->in[direction];

	*out = (struct snapshot_flow){ 0 };
	/* All have terms for what they send. */
	out->wanted = direction == DIRECTION_TX || in->parts[node];
	if (!out->wanted)
		return;
	out->share = m->nodes[node].share;
	out->reserve = m->nodes[node].kind == NODE_NETWORK ? in->promised[node] : m->nodes[node].reserve;
	out->limit = m->nodes[node].limit;
	out->entitled = in->entitled[node];
	snapshot_promise_make(&d->promises, m, node, direction, clock_now_ns(), &out->promise);
	out->bound = m->nodes[node].kind != NODE_DEVICE || readings_is_divided(d, node, direction);
	if (m->nodes[node].kind != NODE_DEVICE)
		return;
	out->sent = in->sent[node];
	if (out->bound)
		readings_drops(d, r, node, direction, &out->dropped_packets, &out->dropped_ns);
}

void snapshot_flow_add(struct snapshot_flow *sum, const struct snapshot_flow *device)
{
	if (!device->sent.known)
		return;
	sum->sent.known = true;
	sum->sent.delivered.bytes_ps += device->sent.delivered.bytes_ps;
}
