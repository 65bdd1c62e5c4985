/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/*
 * Packets that this host has received by any interface of any network namespace, since it was started:
 * /proc/net/softnet_stat, its first column, which __netif_receive_skb_core() counts (net/core/dev.c). Each
 * CPU's count has 32 bits, and so has the sum: compare by difference. 0 or negative errno.
 */
int softnet_received(uint32_t *packets);
