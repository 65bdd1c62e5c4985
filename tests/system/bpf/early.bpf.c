/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For early.c: programs of other owners that see a VM's packets before divvy does. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

/* Also TCX_PASS, which ends classification, too. */
SEC("tc")
int early_keep(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

/* A firewall that lets nothing through. */
SEC("tc")
int early_drop(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_SHOT;
}

SEC("tc")
int early_half(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_get_prandom_u32() & 1 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int early_next(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int early_xdp(struct xdp_md *x)
{
	(void)x;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
