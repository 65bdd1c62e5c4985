/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How many packets this host has received by any interface of any network namespace, since it was started:
 * /proc/net/softnet_stat, its first column, which __netif_receive_skb_core() counts (net/core/dev.c).
 */

#include <stdint.h>

/* The file stays open: to find it by its name costs more than to read it. The descriptor is the caller's; or negative errno. */
int softnet_open(void);
/* fd: of softnet_open(). Each CPU's count has 32 bits, and so has the sum: compare by difference. 0 or negative errno. */
int softnet_received(int fd, uint32_t *packets);
