/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where a frame leaves the host. A real NIC frees the packet when it has sent it, and with that the sender's
 * send buffer; through a veth pair the packet stays charged to the sender for as long as it waits on the
 * wire. A clone is charged to no socket, so the wire gets a clone and the host's packet ends here.
 */

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

/* Set before loading. */
const volatile __u32 wire_ifindex;

SEC("tc")
int handover(struct __sk_buff *skb)
{
	/* Not -ENOMEM alone: a frame that cannot be cloned goes on as it is. */
	if (bpf_clone_redirect(skb, wire_ifindex, 0) < 0)
		return TC_ACT_UNSPEC;
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
