/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For fields.c: set fields of packets at a device's ingress; remember those of packets at a device's egress. */
#include "fields.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct fields_wish wish; /* written by fields.c */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct fields);
	__type(value, __u64);
} seen SEC(".maps");

SEC("tc")
int set_fields(struct __sk_buff *skb)
{
	skb->priority = wish.priority;
	skb->mark = wish.mark;
	skb->tc_index = (__u16)wish.tc_index;
	if (wish.vlan)
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), (__u16)wish.vlan);
	return TC_ACT_UNSPEC; /* on to the next filter */
}

SEC("tc")
int see_fields(struct __sk_buff *skb)
{
	struct fields f = { 0 };
	__u64 one = 1, *n;
	__u8 mac[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, mac, sizeof(mac)) < 0)
		return TC_ACT_UNSPEC;
	f.sender = mac[ETH_ALEN - 1];
	f.priority = skb->priority;
	f.mark = skb->mark;
	f.tc_index = skb->tc_index;
	f.vlan = skb->vlan_present ? skb->vlan_tci : 0;
	f.hash = skb->hash;
	n = bpf_map_lookup_elem(&seen, &f);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&seen, &f, &one, BPF_ANY);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
