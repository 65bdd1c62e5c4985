/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is to tell of each network: its terms, and the sums of what stands under it. */

#include "flow.h"

struct snapshot_network {
	char name[MODEL_FULL_NAME_SIZE];
	struct snapshot_flow flow[N_DIRECTIONS]; /* reserve: its own, or the sum of those in it */
	size_t first_device, n_devices; /* among all devices of the model, in its order */
};

struct snapshot_networks {
	struct snapshot_network *list; /* in the order of the model; owned */
	size_t n;
};

/* All of the running plan. 0; -ENOMEM: *out is untouched. O(nodes), and as often as networks stand in networks. */
int snapshot_networks_make(const struct daemon *d, const struct readings *r, struct snapshot_networks *out);
void snapshot_networks_free(struct snapshot_networks *s);
