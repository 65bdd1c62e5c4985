/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * nftables' netdev ingress chains: a packet that divvy re-injects does not pass them a second
 * time, and with tc redirecting first it does not pass them at all.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Name ("table/chain") of a netdev chain with an ingress hook on the interface, "" if there is none. 0 or
 * negative errno; 0 with "" where the kernel has no nf_tables.
 */
int nft_ingress_chain(const char *ifname, char *name, size_t size);
