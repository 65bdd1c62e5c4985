/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an interface tells of itself: its speed, and its counters. */

#include "rtnl.h"

/*
 * Its speed in bits per second, as ethtool(8) shows it. 0; -ENODATA: it tells none (no carrier, a virtual
 * interface); -EOPNOTSUPP; -ENODEV; or another negative errno.
 */
int port_speed(const char *ifname, uint64_t *bits_ps);

/* Frames since the interface was made, as it counts them (IFLA_STATS64). */
struct port_counters {
	uint64_t rx_bytes, rx_packets, tx_packets;
	uint64_t tx_dropped; /* by the driver and the core; not those that a qdisc dropped */
};
/* 0; -ENODEV; or negative errno. */
int port_read(struct rtnl *r, uint32_t ifindex, struct port_counters *out);
