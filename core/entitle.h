/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Entitlement: what the specification gives each node now. Hierarchical weighted
 * max-min fairness (water-filling; Bertsekas & Gallager, Data Networks, 6.5.2):
 * at each node the capacity is shared among the active children by weight; a child
 * that cannot take its part (limit or demand) leaves the rest to its siblings.
 */

#include "model.h"

/*
 * demand[i]: what node i could send, per device; RATE_UNLIMITED if it is backlogged
 * or unknown; RATE_ZERO if idle or absent. Networks' and uplinks' entries are ignored.
 * out[i]: entitlement of every node. Both have m->n_nodes elements.
 * The devices' entitlements under an uplink add up to min(capacity, what limits and
 * demands let them take), exactly (largest remainder, bytes per second); none is above its demand or
 * limit. O(n log n). 0, or -ENOMEM with out untouched.
 */
int entitle(const struct model *m, const struct rate *demand, struct rate *out);
