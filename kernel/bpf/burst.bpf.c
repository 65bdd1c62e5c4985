/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that the kernel drops before they come to the HTB of an IFB. Since Linux 6.19 senders that find a qdisc busy
 * leave their packets on a list for the one that is at work, and more than net.core.qdisc_max_burst of them are
 * dropped (net/core/dev.c, __dev_xmit_skb()), before any counter of an interface, a qdisc or a class. The kernel tells
 * of each packet that it drops, and why, at the tracepoint kfree_skb.
 */
#include "abi.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The kernel's own, as far as they are needed: libbpf finds the places of the fields in the running kernel. */
struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	int skb_iif;
} __attribute__((preserve_access_index));

enum skb_drop_reason {
	SKB_DROP_REASON_QDISC_BURST_DROP = 1,
};

/* The classifier's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DIVVY_DEVICES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct divvy_device);
} devices SEC(".maps");

/* Key of the vNIC and direction, as in devices, to packets. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DIVVY_DEVICES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} dropped SEC(".maps");

/* The arguments of the tracepoint: the packet, where, why. */
SEC("tp_btf/kfree_skb")
int count_burst(__u64 *arg)
{
	struct sk_buff *skb = (struct sk_buff *)arg[0];
	struct net_device *dev;
	struct divvy_device *d;
	__u32 key;
	__u64 *n, zero = 0;

	if (!bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QDISC_BURST_DROP) ||
	    arg[2] != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QDISC_BURST_DROP))
		return 0;
	dev = skb->dev;
	if (!dev)
		return 0;
	key = (__u32)skb->skb_iif; /* mirred has set it to the vNIC's */
	d = bpf_map_lookup_elem(&devices, &key);
	if (!d || d->ifb != (__u32)dev->ifindex) {
		key |= DIVVY_RX;
		d = bpf_map_lookup_elem(&devices, &key);
	}
	if (!d || d->ifb != (__u32)dev->ifindex)
		return 0;
	n = bpf_map_lookup_elem(&dropped, &key);
	if (!n) {
		(void)bpf_map_update_elem(&dropped, &key, &zero, BPF_NOEXIST); /* another CPU may be first */
		n = bpf_map_lookup_elem(&dropped, &key);
	}
	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
