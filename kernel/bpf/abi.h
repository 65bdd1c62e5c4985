/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What classify.bpf.c and kernel/bpf/classifier.c say to each other through BPF maps. There is no
 * version: the two are of one build, and a divvyd never reads the maps of another divvyd's program.
 */

#include <linux/types.h>

#define DIVVY_DEVICES_MAX 65536

/*
 * Major of the HTB at every IFB's root. HTB looks at skb->priority before it asks its filters
 * (net/sched/sch_htb.c, htb_classify()), and a host's own HTB is usually "1:": a number that is in use nowhere
 * else keeps priorities that others set from naming a class of divvy's. A priority that does is cleared.
 */
#define DIVVY_HTB_MAJOR 0xd177U
/* The leaf for packets of which no class is known. */
#define DIVVY_MINOR_DEFAULT 0xfffeU

/*
 * A key of both maps: __u32 ifindex of the vNIC, which the kernel keeps below 2^31; with this bit: for the packets that
 * its VM receives.
 */
#define DIVVY_RX 0x80000000U

/* Map "devices". No entry: the packet is left alone. */
struct divvy_device {
	__u32 ifb;      /* ifindex of the IFB that the class is at */
	__u32 minor;    /* of the HTB leaf */
	__u32 unmarked; /* at egress: 1: packets lose the IFB's mark before they come to divvy's filter */
	/* Bytes until divvyd is told that there are packets again; 0: it is not told. The program counts down. */
	__u32 idle;
};

/*
 * So much comes of a vNIC that was idle before divvyd looks at it: more than what a guest that has nothing to do sends in
 * minutes (ARP, keep-alives), and two full frames at most of one that begins in earnest.
 */
#define DIVVY_IDLE_BYTES 3000U

/* Ring buffer "woken": a key of the maps above. One record each: 16 bytes with its header. */
#define DIVVY_WOKEN_BYTES (64 * 1024)

/* Map "counters" (per CPU). What was offered, before any queue. */
struct divvy_counters {
	__u64 bytes;   /* link-layer bytes, headers of every GSO segment included */
	__u64 packets; /* frames as they will be on the wire: GSO segments count each */
	__u64 last_ns; /* CLOCK_MONOTONIC_COARSE of the latest packet: up to a tick (1-10 ms) early */
	__u64 largest; /* longest skb seen, bytes as above */
	/*
	 * As a vNIC counts: what GSO makes of it later is left out. At egress: what came back from the IFB, with what GSO
	 * makes of it: the vNIC counts it behind that, segmented or not.
	 */
	__u64 skbs;
	__u64 skb_bytes;
};

_Static_assert(sizeof(struct divvy_device) == 16, "ABI");
_Static_assert(sizeof(struct divvy_counters) == 48, "ABI");
