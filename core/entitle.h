/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Entitlement: what the specification gives each node now. It is hierarchical weighted max-min fairness
 * (water-filling; Bertsekas & Gallager, Data Networks, 6.5.2). Each node divides its capacity among its
 * active children by weight. A child that cannot take its part, because of its limit or its demand, leaves
 * the rest to its siblings.
 */

#include "model.h"

/*
 * demand[i]: what device i could send; RATE_UNLIMITED: it is backlogged, or its demand is not known;
 * RATE_ZERO: it is idle or absent. The entries of networks and uplinks are ignored.
 * out[i]: the entitlement of node i, whatever its kind. Both arrays have m->n_nodes elements.
 *
 * Under an uplink the devices' entitlements add up to the lesser of its capacity and what limits and
 * demands let them take, exact to the byte per second (largest remainder). No entitlement is above its
 * node's demand or limit. O(n log n).
 * Returns 0; -ENOMEM: out is untouched.
 */
int entitle(const struct model *m, const struct rate *demand, struct rate *out);
