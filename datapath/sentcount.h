/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How many packets a class has sent, as they are on the wire. A kernel before 6.19 does not know it of what guests leave
 * to it to segment: a tap does not say how many segments such a packet has (SKB_GSO_DODGY, drivers/net/tun.c), and HTB
 * counts it as none (bstats_update(), include/net/sch_generic.h). The classifier counts segments on the way in; what
 * waits and what was dropped is taken off again.
 */

#include <stddef.h>
#include <stdint.h>

/* What was read of a vNIC and its class at about the same time. */
struct sent_reading {
	uint32_t key; /* of the vNIC in its direction (kernel/bpf/abi.h), and not 0 */
	uint64_t class_bytes, class_packets;     /* sent, as HTB says */
	uint64_t waiting_bytes, dropped_packets; /* at the class's queue */
	uint64_t offered_bytes, offered_packets; /* as the classifier says */
};

/* Of one reading. Pure. */
uint64_t sentcount_estimate(const struct sent_reading *r);

struct sent_told {
	uint32_t key; /* must stay first (base/byifindex.h) */
	uint64_t class_bytes, packets;
};

/* Zeroed: nothing was told yet. What was told of each vNIC; an answer is never below the one before it. */
struct sentcount {
	struct sent_told *list; /* sorted by key; owned */
	size_t n;
};

void sentcount_free(struct sentcount *c);
/*
 * packets[i]: of reading[i]. A class that has sent less than at the last call was made anew, and counts from what is
 * read. What is in no reading is forgotten. O(n log n). 0; -ENOMEM: packets has the estimates.
 */
int sentcount_update(struct sentcount *c, const struct sent_reading *reading, size_t n, uint64_t *packets);
