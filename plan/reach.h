/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * To which of several uplinks a vNIC's packets go, as far as links and the default route tell: by its bridge, or
 * by the route of the host.
 */

#include "core/model.h"
#include "host.h"

/* Zeroed: made lazily by reach_uplink(). */
struct reach;
/* m and h are borrowed. NULL: out of memory. */
struct reach *reach_new(const struct model *m, const struct host *h);
void reach_freep(struct reach **r);

/*
 * The node of the uplink; NODE_NONE: none, or several. A model of one uplink: that one, always. O(links) for each
 * bridge, O(log links) for what is asked again.
 */
uint32_t reach_uplink(struct reach *r, const struct link *vnic);

/* Whether it is an uplink of the model, or a port by which one's packets leave: no vNIC of a VM. */
bool reach_is_port(struct reach *r, const struct link *l);
