// SPDX-License-Identifier: GPL-2.0-or-later
#include "nicmeter.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "base/nsec.h"
#include "kernel/net/port.h"

#define SPACING_NS (500 * NSEC_PER_MSEC)

void nicmeter_free(struct nicmeter *m)
{
	free(m->list);
	*m = (struct nicmeter){ 0 };
}

int nicmeter_read(struct nicmeter *m, struct rtnl *r, const struct plan *p, uint64_t now_ns)
{
	struct nicmeter now = { .latest_ns = now_ns };

	if (m->latest_ns && now_ns - m->latest_ns < SPACING_NS)
		return 0;
	for (size_t i = 0; i < p->n_bindings; i++) {
		uint32_t ifindex = p->bindings[i].ifindex;
		const struct nic_reading *before = byifindex_find(m->list, m->n, sizeof(*before), ifindex);
		struct nic_reading one = { .ifindex = ifindex, .at_ns = now_ns };
		struct port_counters c;

		if (p->model.nodes[p->bindings[i].node].kind != NODE_DEVICE || !p->bindings[i].bound ||
		    port_read(r, ifindex, &c) < 0)
			continue;
		one.bytes = c.rx_bytes;
		one.packets = c.rx_packets;
		if (before && before->bytes <= one.bytes) {
			one.before_ns = before->at_ns;
			one.before_bytes = before->bytes;
		}
		if (byifindex_insert(&now.list, &now.n, sizeof(one), &one) < 0) {
			nicmeter_free(&now);
			return -ENOMEM;
		}
	}
	nicmeter_free(m);
	*m = now;
	return 0;
}

void nicmeter_rate(const struct nicmeter *m, uint32_t ifindex, struct sample_rate *out)
{
	const struct nic_reading *one = byifindex_find(m->list, m->n, sizeof(*one), ifindex);

	*out = (struct sample_rate){ 0 };
	if (!one)
		return;
	out->bytes = one->bytes;
	out->packets = one->packets;
	out->at_ns = one->at_ns;
	if (!one->before_ns)
		return;
	out->known = true;
	out->window_ns = one->at_ns - one->before_ns;
	out->delivered.bytes_ps = (uint64_t)((unsigned __int128)(one->bytes - one->before_bytes) *
					     NSEC_PER_SEC / out->window_ns);
}
