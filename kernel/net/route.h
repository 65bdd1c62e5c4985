/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where packets to elsewhere leave the host. */

#include "rtnl.h"

/*
 * The interface of the default route: that of IPv4, or else of IPv6. *ifindex is 0 where there is none, or where
 * it has several. Rules for single senders do not count. 0, or negative errno with *ifindex untouched.
 */
int route_out(struct rtnl *r, uint32_t *ifindex);
