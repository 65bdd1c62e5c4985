/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The wire's own meter: at tc ingress on the servers' side of the wire, behind everything that is measured.
 * One instance a VM, known by the address of the server that it sends to. It appends each arrival to a trace that
 * user space maps.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "meter.h"

/* Set before loading. */
const volatile __u64 base_ns;
const volatile __u32 trace_max;
const volatile __u8 destination[ETH_ALEN]; /* all zero: everything */

__u64 trace_n; /* arrivals so far; those beyond trace_max are counted, not recorded */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before loading */
	__type(key, __u32);
	__type(value, __u64);
} trace SEC(".maps");

/* Bytes in front of the payload of each segment of a GSO packet; 0 if unknown. */
static __always_inline __u32 segment_headers(struct __sk_buff *skb)
{
	struct tcphdr tcp;
	struct iphdr ip;
	__u32 off = ETH_HLEN;
	__u8 proto;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)))
			return 0;
		off += ip.ihl * 4;
		proto = ip.protocol;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, off + 6, &proto, 1))
			return 0;
		off += sizeof(struct ipv6hdr);
	} else {
		return 0;
	}
	if (proto == IPPROTO_UDP)
		return off + sizeof(struct udphdr);
	if (proto != IPPROTO_TCP || bpf_skb_load_bytes(skb, off, &tcp, sizeof(tcp)))
		return 0;
	return off + tcp.doff * 4;
}

/* As the kernel's qdisc_pkt_len_init(): the frame, and one more set of headers for each further segment. */
static __always_inline __u32 wire_length(struct __sk_buff *skb)
{
	__u32 headers, segments;

	if (skb->gso_size == 0)
		return skb->len;
	headers = segment_headers(skb);
	if (headers == 0 || headers >= skb->len)
		return skb->len;
	segments = (skb->len - headers + skb->gso_size - 1) / skb->gso_size;
	return skb->len + (segments - 1) * headers;
}

static __always_inline int concerns_us(struct __sk_buff *skb)
{
	__u8 to[ETH_ALEN], any = 0, other = 0;
	int i;

	if (bpf_skb_load_bytes(skb, 0, to, sizeof(to)))
		return 0;
#pragma unroll
	for (i = 0; i < ETH_ALEN; i++) {
		any |= destination[i];
		other |= destination[i] ^ to[i];
	}
	return !any || !other;
}

SEC("tc")
int meter(struct __sk_buff *skb)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 at, *slot;
	__u32 key, len;

	if (!concerns_us(skb))
		return TC_ACT_UNSPEC;
	len = wire_length(skb);

	at = __sync_fetch_and_add(&trace_n, 1);
	key = at < trace_max ? (__u32)at : trace_max;
	slot = key < trace_max ? bpf_map_lookup_elem(&trace, &key) : 0;
	if (slot)
		*slot = ((now - base_ns) << METER_LEN_BITS) | (len & METER_LEN_MASK);
	return TC_ACT_UNSPEC; /* on to the next VM's instance */
}

char LICENSE[] SEC("license") = "GPL";
