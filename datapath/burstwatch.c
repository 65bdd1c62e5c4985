// SPDX-License-Identifier: GPL-2.0-or-later
#include "burstwatch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define LIMIT_FILE "/proc/sys/net/core/qdisc_max_burst"
#define TOLD_NS (60 * NSEC_PER_SEC)
#define ROUND 1000

void burstwatch_read(struct burstwatch *w, const struct dataplane *p, uint64_t now_ns)
{
	uint64_t sum = 0;

	if (!p->burst)
		return;
	for (size_t i = 0; i < p->have.n_vnics; i++)
		sum += burst_dropped(p->burst, dataplane_key(&p->have.vnics[i]));
	if (sum > w->dropped)
		w->lost_ns = now_ns;
	w->dropped = sum; /* less than before: a vNIC is gone */
}

/* 0: it cannot be seen from this network namespace. */
static uint64_t limit_now(void)
{
	char text[32];
	uint64_t n = 0;

	return file_read(AT_FDCWD, LIMIT_FILE, text, sizeof(text)) > 0 && sscanf(text, "%" SCNu64, &n) == 1 ? n : 0;
}

uint64_t burstwatch_in_force(const struct dataplane *p)
{
	uint64_t now = limit_now();

	return now || !p->burst ? now : BURST_LIMIT_DEFAULT;
}

uint64_t burstwatch_limit(const struct plan *p, uint64_t now)
{
	uint64_t most = 0;

	for (size_t u = 0; u < p->tree.n_uplinks; u++) {
		uint64_t packets = 0;

		for (size_t i = 0; i < p->tree.n_vnics; i++) {
			const struct tree_vnic *v = &p->tree.vnics[i];

			if (v->uplink == u)
				packets += sizing_packets(v->sndbuf, p->bindings[v->binding].queues);
		}
		most = packets > most ? packets : most;
	}
	most = (most / ROUND + 1) * ROUND;
	return most > now ? most : 2 * now;
}

int burstwatch_warn(const struct burstwatch *w, const struct plan *p, uint64_t now_ns, struct warning_list *out)
{
	uint64_t now;

	if (!w->lost_ns || now_ns > w->lost_ns + TOLD_NS)
		return 0;
	now = limit_now();
	return warning_add(out, "burst", "",
			   "the kernel drops packets of VMs before they are scheduled: more than "
			   "net.core.qdisc_max_burst (%" PRIu64 "%s) come at once; sysctl net.core.qdisc_max_burst=%" PRIu64
			   " ends that",
			   now ? now : BURST_LIMIT_DEFAULT, now ? "" : ", unless it was changed",
			   burstwatch_limit(p, now ? now : BURST_LIMIT_DEFAULT));
}
