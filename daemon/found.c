// SPDX-License-Identifier: GPL-2.0-or-later
#include "found.h"

#include "base/cleanup.h"
#include "kernel/net/qdisc.h"
#include "kernel/vmm/tap.h"

#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* A send buffer that divvy may have lowered: what it was before is not known. */
static int adopt_sndbuf(struct daemon *d, const struct link *l)
{
	const struct vmm_nic *nic = host_nic(&d->host, l->name);
	struct held h = { .ifindex = l->ifindex, .before = TAP_SNDBUF_UNLIMITED };
	struct tap_ref ref = { 0 };

	if (!nic || backpressure_of(&d->backpressure, l->ifindex))
		return 0;
	ref.pid = h.pid = nic->pid;
	ref.start_time = h.start_time = nic->start_time;
	h.queues = nic->queues;
	snprintf(h.nic, sizeof(h.nic), "%s", l->name);
	snprintf(ref.name, sizeof(ref.name), "%s", l->name);
	if (tap_get_sndbuf(&ref, &h.now) < 0 || h.now == TAP_SNDBUF_UNLIMITED)
		return 0;
	return backpressure_adopt(&d->backpressure, &h);
}

/* Whether the vNIC's hook is a clsact. */
static bool has_clsact(struct daemon *d, uint32_t ifindex)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n = 0;

	if (qdisc_list(d->plane.rtnl, ifindex, &q, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == TC_H_INGRESS)
			return strcmp(q[i].kind, "clsact") == 0;
	return false;
}

int found_adopt(struct daemon *d)
{
	int err = dataplane_observe(&d->plane);

	for (size_t i = 0; i < d->plane.have.n_vnics && err >= 0; i++) {
		const struct link *l = host_link(&d->host, d->plane.have.vnics[i].ifindex);

		if (!l || hooks_find(&d->plane.hooks, l->ifindex))
			continue;
		err = hooks_add(&d->plane.hooks, l->ifindex, l->name, true, has_clsact(d, l->ifindex));
		if (err >= 0)
			err = adopt_sndbuf(d, l);
	}
	return err;
}

bool found_any(const struct daemon *d)
{
	return d->plane.have.n_vnics > 0;
}
