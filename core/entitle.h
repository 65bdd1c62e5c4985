/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Entitlement: what the specification gives each node now. It is hierarchical weighted max-min fairness with
 * floors and ceilings (water-filling; Bertsekas & Gallager, Data Networks, 6.5.2). Each node divides its
 * capacity among its active children by weight. A child that cannot take its part, because of its limit or its
 * demand, leaves the rest to its siblings. A child whose part would be less than its reserve gets the reserve,
 * or what it demands of it, and its siblings divide what is left: the greater of reserve and share, never
 * their sum.
 */

#include "model.h"

/*
 * demand[i]: what device i could send; RATE_UNLIMITED: it is backlogged, or its demand is not known;
 * RATE_ZERO: it is idle or absent. The entries of networks and uplinks are ignored.
 * out[i]: the entitlement of node i, whatever its kind. Both arrays have m->n_nodes elements.
 *
 * A network's reserve is its own or the sum of its children's, whichever is more. Reserves that do not fit into
 * what their parent has are cut in proportion; in a model that passes model_validate() they fit, whatever the
 * demands.
 *
 * Under an uplink the devices' entitlements add up to the lesser of its capacity and what limits and
 * demands let them take, exact to the byte per second (largest remainder). No entitlement is above its
 * node's demand or limit. O(n log n).
 * Returns 0; -ENOMEM: out is untouched.
 */
int entitle(const struct model *m, const struct rate *demand, struct rate *out);
/*
 * The same of some uplinks, with all that stands under them: the nodes first .. end - 1. The arrays have as many
 * elements; the first is node first's.
 */
int entitle_uplinks(const struct model *m, size_t first, size_t end, const struct rate *demand, struct rate *out);
