/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* By which interface this host sends what goes nowhere in particular. */

#include "rtnl.h"

/*
 * The ifindex of the default route's interface: IPv4's, else IPv6's. It asks for the way to an address that documents
 * use (RFC 5737, RFC 3849), which takes no time whatever the size of the routing table. 0; -ENETUNREACH: there is none; or
 * another negative errno.
 */
int route_out(struct rtnl *r, uint32_t *ifindex);
