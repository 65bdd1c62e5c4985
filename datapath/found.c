// SPDX-License-Identifier: GPL-2.0-or-later
#include "found.h"

#include "base/cleanup.h"
#include "kernel/net/qdisc.h"
#include "kernel/vmm/tap.h"

#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* A send buffer that divvy may have lowered: what it was before is not known. */
static int adopt_sndbuf(const struct host *host, struct backpressure *b, const struct link *l, struct tap_lists *lists)
{
	const struct vmm_nic *nic = host_nic(host, l->name);
	struct held h = { .ifindex = l->ifindex, .before = TAP_SNDBUF_UNLIMITED };
	struct tap_ref ref = { .lists = lists };

	if (!nic || backpressure_of(b, l->ifindex))
		return 0;
	ref.pid = h.pid = nic->pid;
	ref.start_time = h.start_time = nic->start_time;
	h.queues = nic->queues;
	snprintf(h.nic, sizeof(h.nic), "%s", l->name);
	snprintf(ref.name, sizeof(ref.name), "%s", l->name);
	if (tap_get_sndbuf(&ref, &h.now) < 0 || h.now == TAP_SNDBUF_UNLIMITED)
		return 0;
	return backpressure_adopt(b, &h);
}

/* Whether the vNIC's hook is a clsact. */
static bool has_clsact(struct dataplane *p, uint32_t ifindex)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n = 0;

	if (qdisc_list(p->rtnl, ifindex, &q, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == TC_H_INGRESS)
			return strcmp(q[i].kind, "clsact") == 0;
	return false;
}

int found_adopt(struct dataplane *p, const struct host *h, struct backpressure *b, bool lost)
{
	struct tap_lists lists = { 0 };
	int err = dataplane_observe(p);

	for (size_t i = 0; lost && i < p->have.n_vnics && err >= 0; i++) {
		const struct link *l = host_link(h, p->have.vnics[i].ifindex);

		if (!l)
			continue;
		if (p->have.vnics[i].hooks & HOOK_FILTER)
			err = hooks_add(&p->hooks, l->ifindex, l->name, true, has_clsact(p, l->ifindex));
		if (err >= 0 && p->have.vnics[i].hooks & (HOOK_FILTER | HOOK_TCX))
			err = adopt_sndbuf(h, b, l, &lists);
	}
	tap_lists_free(&lists);
	return err;
}

bool found_any(const struct dataplane *p)
{
	return p->have.n_vnics > 0;
}
