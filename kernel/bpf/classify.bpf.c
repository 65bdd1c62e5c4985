/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * At tc ingress of every scheduled vNIC: count the packet, and name its HTB class in skb->priority.
 * A filter of cls_bpf with an action: -1 says "matches", and the filter's action redirects the
 * packet into divvy's IFB; 0 says "does not match", and the packet goes its way
 * (net/sched/cls_bpf.c).
 */
#include "abi.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NO_MATCH 0
#define MATCH (-1)

/* Where a GSO packet's headers cannot be read: Ethernet, IPv4, TCP with time stamps. */
#define HEADERS_DEFAULT (ETH_HLEN + 20 + 32)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DIVVY_DEVICES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* memory for the devices there are, not for 65,536 */
	__type(key, __u32);
	__type(value, struct divvy_device);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, DIVVY_DEVICES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct divvy_counters);
} counters SEC(".maps");

static __always_inline __u32 transport_header(void *transport, void *end, __u8 protocol)
{
	struct tcphdr *tcp = transport;

	if (protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if (protocol != IPPROTO_TCP || (void *)(tcp + 1) > end)
		return 0;
	return tcp->doff * 4U;
}

/* Link-layer, network and transport headers, which every segment repeats. */
static __always_inline __u32 headers(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 network = 0, transport = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > end)
			return HEADERS_DEFAULT;
		network = ip->ihl * 4U;
		transport = transport_header((void *)ip + network, end, ip->protocol);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = data + ETH_HLEN;

		if ((void *)(ip6 + 1) > end)
			return HEADERS_DEFAULT;
		network = sizeof(*ip6);
		transport = transport_header(ip6 + 1, end, ip6->nexthdr);
	}
	return transport ? ETH_HLEN + network + transport : HEADERS_DEFAULT;
}

/*
 * As qdisc_pkt_len_init() does (net/core/dev.c). At ingress it has not run yet: wire_len is but the
 * length without the link-layer header there. A tap leaves gso_segs 0 ("to be checked").
 */
static __always_inline void count(struct __sk_buff *skb, struct divvy_counters *c)
{
	__u64 bytes = skb->len, packets = 1;
	__u32 gso_size = skb->gso_size;

	if (gso_size) {
		__u32 repeated = headers(skb), segments = skb->gso_segs;

		if (!segments && skb->len > repeated)
			segments = (skb->len - repeated + gso_size - 1) / gso_size;
		if (segments > 1) {
			bytes += (__u64)(segments - 1) * repeated;
			packets = segments;
		}
	}
	c->bytes += bytes;
	c->packets += packets;
	c->last_ns = bpf_ktime_get_coarse_ns(); /* reading the exact clock cost as much as all the rest */
	if (skb->len > c->largest)
		c->largest = skb->len;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct divvy_device *d = bpf_map_lookup_elem(&devices, &ifindex);
	struct divvy_counters *c;

	if (!d)
		return NO_MATCH;
	c = bpf_map_lookup_elem(&counters, &ifindex);
	if (c)
		count(skb, c);
	skb->priority = d->classid;
	return MATCH;
}

char _license[] SEC("license") = "GPL";
