/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is to tell of each network: its terms, and the sums of what stands under it. */

#include "datapath/sample.h"
#include "plan/plan.h"
#include "promise.h"

struct snapshot_network {
	char name[MODEL_FULL_NAME_SIZE];
	uint32_t node;         /* in the plan's model */
	struct share share;
	struct rate reserve;   /* its own, or the sum of those in it; RATE_ZERO: none */
	struct rate limit;     /* or RATE_UNLIMITED */
	struct rate entitled;
	bool known;            /* false: no device's rate under it is known */
	struct rate delivered; /* sum over the devices that are known */
	struct snapshot_promise promise; /* the caller's to fill */
	size_t first_device, n_devices; /* among all devices of the model, in its order */
};

struct snapshot_networks {
	struct snapshot_network *list; /* in the order of the model; owned */
	size_t n;
	struct rate *reserve;          /* by node: what each promises; owned */
};

/*
 * entitled, sent: by node of the plan's model. 0; -ENOMEM: *out is untouched. O(nodes).
 */
int snapshot_networks_make(const struct plan *p, const struct rate *entitled, const struct sample_rate *sent,
			   struct snapshot_networks *out);
void snapshot_networks_free(struct snapshot_networks *s);
