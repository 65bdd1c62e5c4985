/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What interfaces received and sent, by their own counters: a small dump, without all else that a link is. */

#include "rtnl.h"

struct link_stats {
	uint32_t ifindex;              /* must stay first (base/byifindex.h) */
	/* Since the interface was made. A tap receives what its VM sends, and the other way round. */
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

/*
 * All interfaces, sorted by ifindex. *list is the caller's to free. 0, or negative errno with both untouched.
 */
int link_stats_list(struct rtnl *r, struct link_stats **list, size_t *n);
