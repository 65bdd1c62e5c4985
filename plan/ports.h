/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* By which interfaces an uplink's packets leave the host, as far as links tell. */

#include "host.h"

#define PORTS_MAX 16

/*
 * The uplink itself, and below it: what a VLAN or macvlan sits on, the ports of a bond, and those ports of a
 * bridge that lead out of the host: neither VMs' nor containers'. Borrowed from the host. Returns how many, at
 * least 1 and at most PORTS_MAX; the uplink is the first.
 */
size_t ports_of(const struct host *h, const struct link *uplink, const struct link *out[PORTS_MAX]);
/* Whether upper stands directly on l, and sends by it. */
bool port_is_below(const struct link *upper, const struct link *l);
/* Whether the speed that the interface tells is a port's: what a bridge, a veth or a tap tells means nothing. */
bool port_has_speed(const struct link *l);
