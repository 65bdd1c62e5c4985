/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What classify.bpf.c and kernel/bpf/classifier.c say to each other through BPF maps. There is no version: the
 * two are of one build, and a divvyd never reads the maps of another divvyd's program.
 */

#include <linux/types.h>

#define DIVVY_DEVICES_MAX 65536

/* Map "devices": key __u32 ifindex of the vNIC. No entry: the packet is left alone. */
struct divvy_device {
	__u32 classid; /* HTB leaf, becomes skb->priority */
	__u32 reserved;
};

/* Map "counters" (per CPU): key __u32 ifindex. What the vNIC offered, before any queue. */
struct divvy_counters {
	__u64 bytes;   /* link-layer bytes, headers of every GSO segment included */
	__u64 packets; /* frames as they will be on the wire: GSO segments count each */
	__u64 last_ns; /* CLOCK_MONOTONIC_COARSE of the latest packet: up to a tick (1-10 ms) early */
	__u64 largest; /* longest skb seen, bytes */
};

_Static_assert(sizeof(struct divvy_device) == 8, "ABI");
_Static_assert(sizeof(struct divvy_counters) == 32, "ABI");
