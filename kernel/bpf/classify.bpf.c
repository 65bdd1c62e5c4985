/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs on the way of a packet that a VM sends: one of the first two, and the third.
 *
 * count_and_match() is at tc ingress of every vNIC that is divided. It counts the packet. It is a filter of
 * cls_bpf with an action: -1 says "matches", and the filter's action redirects the packet into divvy's IFB; 0
 * says "does not match", and the packet goes its way (net/sched/cls_bpf.c).
 *
 * divvy_divert() is at tcx ingress of the vNIC (Linux 6.6), where a packet comes before it comes to tc's filters.
 * It counts and redirects itself, but only where it is alone. Filters of others, or another program there, would
 * be passed by, a firewall perhaps. So it asks the kernel for each packet whether there are any, and if so leaves
 * the packet to them, and to count_and_match() behind them: nothing of others is ever passed by, not for a moment
 * and not while no divvyd runs.
 *
 * find_class() is at the root of the IFB's HTB, a filter of cls_bpf with direct action. It names the packet's
 * class in tc_classid; cls_bpf takes the major from the filter's flowid. The vNIC is ingress_ifindex, which
 * mirred sets to the device that it redirects from (net/sched/act_mirred.c); bpf_redirect() leaves it as it is, and
 * that is the same at ingress. So the packet leaves divvy with
 * the priority that it came with.
 *
 * The same of a packet that a VM receives: rx_at_egress() at the vNIC's egress, and find_rx_class(). A macvtap has its
 * own ends the other way round: tx_at_egress() and rx_at_ingress(). The map's key says which direction is meant.
 *
 * Egress
 *
 * What leaves the IFB is sent by the vNIC once more, and comes to the same filter a second time. It comes from the IFB
 * then: ingress_ifindex says so. The IFB has marked it, so that the filter's action is passed over once
 * (skb->tc_skip_classify, net/sched/act_api.c), and a match takes the mark away. Without a match the mark would go
 * along into the container behind a veth, whose own tc ingress would be passed over.
 *
 * A filter of another program, at a clsact before divvy's filter, may have used the mark up. Then the match would send
 * the packet into the IFB again, for ever. So the second match leaves a note with the packet. A note that arrives at
 * the IFB is such a packet's: from then on this vNIC's second time is no match, and the packet goes its way.
 */
#include "abi.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NO_MATCH 0
#define MATCH (-1)
#define NEXT (-1) /* TCX_NEXT: to the programs and filters behind this one */

/* In skb->cb of tc's programs: left by at_egress(), read by name_class(). */
#define NOTE 4
#define NOTE_SECOND DIVVY_HTB_MAJOR

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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DIVVY_WOKEN_BYTES);
} woken SEC(".maps");

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
 * Link-layer bytes of a packet with what GSO makes of it, as qdisc_pkt_len_init() does (net/core/dev.c). At ingress that
 * has not run yet: wire_len is but the length without the link-layer header there. A tap leaves gso_segs 0 ("to be
 * checked").
 */
static __always_inline __u64 measure(struct __sk_buff *skb, __u64 *packets)
{
	__u64 bytes = skb->len;
	__u32 gso_size = skb->gso_size;

	*packets = 1;
	if (gso_size) {
		__u32 repeated = headers(skb), segments = skb->gso_segs;

		if (!segments && skb->len > repeated)
			segments = (skb->len - repeated + gso_size - 1) / gso_size;
		if (segments > 1) {
			bytes += (__u64)(segments - 1) * repeated;
			*packets = segments;
		}
	}
	return bytes;
}

static __always_inline void count(struct __sk_buff *skb, struct divvy_counters *c)
{
	__u64 packets, bytes = measure(skb, &packets);

	c->bytes += bytes;
	c->packets += packets;
	c->last_ns = bpf_ktime_get_coarse_ns(); /* reading the exact clock cost as much as all the rest */
	if (bytes > c->largest)
		c->largest = bytes;
}

/*
 * divvyd wants to know when this vNIC has packets again. Two CPUs at once may count one packet only, or tell twice:
 * divvyd looks for itself. Where the ring is full, the next packet tries again.
 */
static __always_inline void count_down(struct divvy_device *d, __u32 len, __u32 key)
{
	__u32 left = d->idle;

	if (!left)
		return;
	if (left > len)
		d->idle = left - len;
	else
		d->idle = bpf_ringbuf_output(&woken, &key, sizeof(key), 0) < 0;
}

/* The packet is the vNIC's that key names, and goes into the IFB from here. */
static __always_inline void take(struct __sk_buff *skb, struct divvy_device *d, __u32 key)
{
	struct divvy_counters *c = bpf_map_lookup_elem(&counters, &key);

	if (c)
		count(skb, c);
	count_down(d, skb->len, key);
	/* HTB would take it for a class, or for its direct queue, and not ask find_class(). */
	if (skb->priority >> 16 == DIVVY_HTB_MAJOR)
		skb->priority = 0;
}

static __always_inline void count_skb(struct __sk_buff *skb, __u32 key)
{
	struct divvy_counters *c = bpf_map_lookup_elem(&counters, &key);

	if (!c)
		return;
	c->skbs++;
	c->skb_bytes += skb->len;
}

static __always_inline void count_back(struct __sk_buff *skb, __u32 key)
{
	struct divvy_counters *c = bpf_map_lookup_elem(&counters, &key);
	__u64 packets;

	if (!c)
		return;
	c->skb_bytes += measure(skb, &packets);
	c->skbs += packets;
}

static __always_inline int at_ingress(struct __sk_buff *skb, __u32 key)
{
	struct divvy_device *d = bpf_map_lookup_elem(&devices, &key);

	if (!d)
		return NO_MATCH;
	count_skb(skb, key);
	take(skb, d, key);
	return MATCH;
}

static __always_inline int at_egress(struct __sk_buff *skb, __u32 key)
{
	struct divvy_device *d = bpf_map_lookup_elem(&devices, &key);

	if (!d)
		return NO_MATCH;
	if (skb->ingress_ifindex == d->ifb) {
		count_back(skb, key);
		skb->cb[NOTE] = NOTE_SECOND;
		return d->unmarked ? NO_MATCH : MATCH;
	}
	skb->cb[NOTE] = 0;
	take(skb, d, key);
	return MATCH;
}

SEC("tc")
int count_and_match(struct __sk_buff *skb)
{
	return at_ingress(skb, skb->ifindex);
}

SEC("tc")
int rx_at_egress(struct __sk_buff *skb)
{
	return at_egress(skb, skb->ifindex | DIVVY_RX);
}

SEC("tc")
int tx_at_egress(struct __sk_buff *skb)
{
	return at_egress(skb, skb->ifindex);
}

SEC("tc")
int rx_at_ingress(struct __sk_buff *skb)
{
	return at_ingress(skb, skb->ifindex | DIVVY_RX);
}

/* --- tcx ---------------------------------------------------------------------------------------- */

/*
 * What is_alone() reads of the kernel (include/linux/bpf_mprog.h, include/net/tcx.h). Offsets are the running
 * kernel's; one that has no such members refuses the program.
 */
struct bpf_mprog_fp {
	struct bpf_prog *prog;
} __attribute__((preserve_access_index));

struct bpf_mprog_entry {
	struct bpf_mprog_fp fp_items[64];
	struct bpf_mprog_bundle *parent;
} __attribute__((preserve_access_index));

struct bpf_mprog_bundle {
	struct bpf_mprog_entry a;
} __attribute__((preserve_access_index));

struct tcx_entry {
	struct mini_Qdisc *miniq;
	struct bpf_mprog_bundle bundle;
} __attribute__((preserve_access_index));

struct net {
	struct {
		unsigned int inum;
	} ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	struct bpf_mprog_entry *tcx_ingress;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* Inode of divvyd's network namespace; set before the program is loaded. */
const volatile __u32 own_netns;

/*
 * Whether this is the only program, and tc has no filter, at ingress of the vNIC. miniq is NULL as long as a
 * qdisc there, if any, has no filter (net/sched/sch_generic.c, mini_qdisc_pair_swap()).
 */
static __always_inline int is_alone(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
	struct bpf_mprog_entry *entry = BPF_CORE_READ(skb, dev, tcx_ingress);
	char *bundle = (char *)BPF_CORE_READ(entry, parent);
	struct tcx_entry *tcx = (void *)(bundle - bpf_core_field_offset(struct tcx_entry, bundle));

	return entry && bundle && !BPF_CORE_READ(entry, fp_items[1].prog) && !BPF_CORE_READ(tcx, miniq);
}

/*
 * A vNIC that moves to another namespace loses its qdiscs there, but not its program: numbers of interfaces mean
 * others there.
 */
static __always_inline int is_here(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	return BPF_CORE_READ(skb, dev, nd_net.net, ns.inum) == own_netns;
}

SEC("tc")
int divvy_divert(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct divvy_device *d = bpf_map_lookup_elem(&devices, &ifindex);

	if (!d || !is_alone(skb) || !is_here(skb))
		return NEXT;
	count_skb(skb, ifindex);
	take(skb, d, ifindex);
	return (int)bpf_redirect(d->ifb, 0);
}

static __always_inline int name_class(struct __sk_buff *skb, __u32 key)
{
	struct divvy_device *d = bpf_map_lookup_elem(&devices, &key);

	/* A vNIC that moves to another uplink: its filter still leads to the former IFB for a moment. */
	skb->tc_classid = d && d->ifb == skb->ifindex ? d->minor : DIVVY_MINOR_DEFAULT;
	if (d && skb->cb[NOTE] == NOTE_SECOND)
		d->unmarked = 1;
	return TC_ACT_OK;
}

SEC("tc")
int find_class(struct __sk_buff *skb)
{
	return name_class(skb, skb->ingress_ifindex);
}

SEC("tc")
int find_rx_class(struct __sk_buff *skb)
{
	return name_class(skb, skb->ingress_ifindex | DIVVY_RX);
}

char _license[] SEC("license") = "GPL";
