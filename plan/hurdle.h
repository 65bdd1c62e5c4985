/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * nft's hooks that a vNIC's packets would pass by if divvy took them. Two kinds matter:
 *
 * The ingress hook of the vNIC itself. divvy takes the packet before that hook, and the packet that comes back
 * from the IFB does not enter it (net/core/dev.c, __netif_receive_skb_core(), skb_skip_tc_classify()).
 *
 * The egress hook of the device that the packet is transmitted by first. The IFB marks the packet
 * (drivers/net/ifb.c, nf_skip_egress()). The mark ends with the first transmission, and also when another
 * device receives the packet. So a packet that a bridge takes up for the host itself, or that crosses a veth
 * pair, a VLAN or a bond, does enter the egress hooks behind that.
 */

#include "host.h"
#include "kernel/net/nft.h"

struct hurdle {
	uint32_t ifindex; /* of the device that has the hook; must stay first (base/byifindex.h) */
	enum nft_hook_kind kind;
	char device[IFNAMSIZ];
	char chain[128]; /* "table/chain", to show */
};

/* Zeroed: there are none. */
struct hurdle_list {
	struct hurdle *list; /* those at ingress first; each kind sorted by ifindex; owned */
	size_t n, n_ingress;
	bool egress; /* there is a chain at an egress hook, perhaps of a device that is absent */
	int error;   /* negative errno: nft could not be asked, and the list is empty */
};

void hurdle_list_free(struct hurdle_list *l);
void hurdle_list_freep(struct hurdle_list *l);
/* 0 or -ENOMEM. */
int hurdle_list_copy(const struct hurdle_list *from, struct hurdle_list *to);
bool hurdle_list_same(const struct hurdle_list *a, const struct hurdle_list *b);

/*
 * The first hurdle of a vNIC's packets, borrowed; NULL: there is none. A vNIC that is the port of a bridge
 * (Linux, Open vSwitch) sends by the other ports of that bridge first. Another vNIC's packets are routed: they
 * leave by any device that is no port of a bridge, for links do not tell what routes say.
 */
const struct hurdle *hurdle_of(const struct hurdle_list *l, const struct host *h, uint32_t vnic);
