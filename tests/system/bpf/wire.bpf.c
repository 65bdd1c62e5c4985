/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For senders.c: bytes of the frames that come to a device, by their UDP destination port. */
#include "wire.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

__u64 bytes[WIRE_PORTS];

SEC("tc")
int count_wire(struct __sk_buff *skb)
{
	__u16 port = 0;
	__u32 i;

	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + sizeof(struct iphdr) + offsetof(struct udphdr, dest), &port,
			       sizeof(port)) < 0)
		return TC_ACT_UNSPEC;
	i = bpf_ntohs(port) - WIRE_PORT;
	if (i >= WIRE_PORTS)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&bytes[i], skb->len);
	return TC_ACT_SHOT; /* what follows would cost the senders' CPU */
}

char _license[] SEC("license") = "GPL";
