/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What vNICs send where divvy has no classes (CPU slots), by the interfaces' own counters: what the host
 * receives from a vNIC is what its VM sends.
 */

#include "plan/plan.h"
#include "sample.h"

struct nic_reading {
	uint32_t ifindex;                 /* must stay first (base/byifindex.h) */
	uint64_t at_ns, bytes, packets;   /* CLOCK_MONOTONIC; since the interface was made */
	uint64_t before_ns, before_bytes; /* the reading before; before_ns 0: there is none */
};

/* Zeroed: no reading. */
struct nicmeter {
	struct nic_reading *list; /* sorted by ifindex; owned */
	size_t n;
	uint64_t latest_ns;
};

void nicmeter_free(struct nicmeter *m);
/*
 * Read the counters of the plan's bound vNICs: a question for each. A call within half a second after another
 * one does nothing. 0 or -ENOMEM.
 */
int nicmeter_read(struct nicmeter *m, struct rtnl *r, const struct plan *p, uint64_t now_ns);
/* out->known: there are two readings. O(log n). */
void nicmeter_rate(const struct nicmeter *m, uint32_t ifindex, struct sample_rate *out);
