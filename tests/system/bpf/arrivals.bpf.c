/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For arrivals.c: which sequence numbers of a flood (vm/tag.h) have come to a device. A bit for each. */
#include "arrivals.h"
#include "tests/system/vm/tag.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NETWORK_END (sizeof(struct ethhdr) + sizeof(struct iphdr)) /* without IP options */

/* Written by arrivals.c. */
__u32 flood;
__u16 ports[ARRIVALS_PORTS];

struct arrivals_port counts[ARRIVALS_PORTS];
__u64 seen[ARRIVALS_PORTS * ARRIVALS_QUEUES * (ARRIVALS_SEQ / 64)];

static __always_inline void arrived(__u32 port, const struct tag *t)
{
	__u32 word, bit = t->seq % 64;

	if (t->queue >= ARRIVALS_QUEUES || t->seq >= ARRIVALS_SEQ) {
		__sync_fetch_and_add(&counts[port].beyond, 1);
		return;
	}
	word = (port * ARRIVALS_QUEUES + t->queue) * (ARRIVALS_SEQ / 64) + t->seq / 64;
	if (word < sizeof(seen) / sizeof(seen[0]) &&
	    __sync_fetch_and_or(&seen[word], 1ULL << bit) & 1ULL << bit)
		__sync_fetch_and_add(&counts[port].again, 1);
}

SEC("tc")
int see_arrivals(struct __sk_buff *skb)
{
	__u8 protocol = 0;
	__u16 port = 0;
	struct tag t;

	/* Source and destination port are at the same place in both. */
	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + offsetof(struct iphdr, protocol), &protocol, 1) < 0 ||
	    bpf_skb_load_bytes(skb, NETWORK_END + offsetof(struct udphdr, dest), &port, sizeof(port)) < 0 ||
	    bpf_skb_load_bytes(skb,
			       NETWORK_END + (protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr)),
			       &t, sizeof(t)) < 0 ||
	    t.magic != TAG_MAGIC || t.flood != flood)
		return TC_ACT_UNSPEC;
	for (__u32 i = 0; i < ARRIVALS_PORTS; i++)
		if (bpf_ntohs(port) == ports[i])
			arrived(i, &t);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
