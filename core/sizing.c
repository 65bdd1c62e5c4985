/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A device's packets wait in its leaf of an HTB. While they wait they are charged to the tap's send
 * buffer, and the VMM cannot write more than that. Everything here follows from four rules of the
 * kernel.
 *
 *  R1 The tap takes a packet while charged < sndbuf, so the last one overshoots
 *     (sock_alloc_send_pskb(), net/core/sock.c). Hence sndbuf up to T holds one packet of
 *     truesize T, up to 2T two, and 2T + 1 three.
 *  R2 A VMM that got EAGAIN is woken when charged < sndbuf / 2 (sock_writeable(),
 *     include/net/sock.h).
 *  R3 The charge is truesize, not length. Measured on 6.18, by searching for the send buffer at
 *     which poll() turns writable: 60..100 B cost 832, 200..576 B 1,280, 700..1,514 B 2,304,
 *     9,014 B 12,544, 65,226 B and 65,549 B (TSO) 66,368 bytes. Small packets are charged 13
 *     times their length, MTU-sized ones 1.52 times, the largest 1.01 times.
 *  R4 HTB sends a packet when the class owes nothing and charges it afterwards: the class is in
 *     debt until the packet's time has passed. A class that comes late has saved up tokens for at
 *     most burst / rate (htb_class_mode(), htb_accnt_tokens(), net/sched/sch_htb.c). No packet
 *     needs to fit into the bucket.
 *
 * Lateness, measured as the oversleep of a thread beside two QEMU guests under emulation that
 * flood, on two cores: p50 0.09 ms, p90 0.1 to 0.6, p99 1.4 to 3.9, p99.9 2.3 to 7.3, worst
 * 4.3 to 16.5 ms over ten runs of 5 s. So a wake-up is *prompt* (PROMPT_PART of wake_ns, 0.125 ms),
 * *usual* (wake_ns, 2 ms) or *late*. VMMs on idle cores, and vhost, are prompt.
 *
 * Buckets: what is late loses no rate
 *
 *	burst = rate * (wake_ns + timer_ns)      cburst = ceil * (wake_ns + timer_ns)
 *
 * A qdisc watchdog that fires late by timer_ns, for a queue that a VMM filled late by wake_ns,
 * finds the tokens of that time saved up (R4), and the VMM may write as long as they last, for its
 * packets leave at once. So the bucket alone keeps a class at its rate, whatever the send buffer.
 * Measured: 60 Mbit/s were 60.0 with buffers of 2,300 to 140,000 B, packets of 1,514 to 65,549 B
 * and wake-ups 5 ms late each time; a class of 100 Mbit/s borrowed 9.93 Gbit/s of 10, or more, with
 * 66,369 B. tc's default of 1,600 B lost 15-25 %. 10 ms is above the p99.9 seen; it is also
 * what a class can send at once after idling, so it is not more. A bucket is at least an MTU.
 *
 * Send buffer: what is usual is smooth, and borrowing is fair
 *
 * The bucket makes up for a queue that ran dry, but then the class sends in bursts, and while it is
 * dry it loses its turn at what others leave over: deficit round robin serves only who is
 * backlogged. With MTU-sized packets and wake-ups of 1 ms on average, guarantees of 10 and 20 Mbit/s
 * in 100 divided the excess so that they got 1:1.5 in all instead of 1:2 with buffers of 66,369 B,
 * 1:1.97 with 132,740 B. (With wake-ups of 0.15 to 0.3 ms, and the buffers below: 1:2.0 to 1:2.1.)
 * Against size stands delay: each byte in the buffer is standing queue. The buffer is the largest of
 *
 *  1. usual    2 * rate * wake_ns * gso_truesize / gso_max
 *	When the charge falls below half (R2), that half, with the packet whose release made it so
 *	and whose time is still being paid for (R4), lasts wake_ns at the class's rate. At the
 *	charge of the largest packets, which make the longest queue; others lean on the bucket.
 *  2. small    2 * rate * prompt * small_truesize / 64
 *	The smallest packets last for a prompt wake-up. With 832 B a little less than 1.
 *  3. single   min(gso_max, rate * STANDING_NS)
 *	A single packet always gets in (R1), so where guests make the largest ones, a buffer below
 *	their charge makes the queue no longer. Others have more room in it: fewer wake-ups,
 *	fairer borrowing. But not two of the largest: the packet's own time covers the next wake-up
 *	(R4), and a second one is only delay. A ping beside a TCP flood at 60 / 40 Mbit/s (QEMU
 *	under emulation, Linux 6.1 guests, p50 of 60 pings, 1 ms unloaded) took
 *
 *		4,608 to 66,000 B   one packet of 64 KiB waits    32-33 / 49-50 ms
 *		132,736 B           two                           36-38 / 55-57 ms
 *		160,000 B           three                            47 / 69 ms
 *		unlimited                                           130 / 188 ms
 *
 *	all at 60.0 / 40.0 Mbit/s. 165 kB of it are in the guest's ring (TCP small queues let two
 *	to three packets wait there) and half a packet is the debt of the last one (R4); no send
 *	buffer shortens those.
 *  4. borrow   min(2 * ceil * prompt * 2304 / 1514, rate * STANDING_NS)
 *	While others idle the class drains at up to its ceiling. MTU-sized packets then last for a
 *	prompt wake-up, so that it keeps its turn. Not for a usual one: the buffer is as large when
 *	no class is idle, and 2 * ceil * wake_ns is ceil / rate times the delay. Full use of the
 *	uplink does not need it: that is the bucket's work.
 *  5. two MTU-sized packets.
 *
 * Every queue of a tap has a send buffer of its own, and any one of them must keep the class busy
 * alone, so it is not divided by the number of queues.
 *
 * All send buffers of an IFB together, from Linux 6.19 on
 *
 * A packet that comes to a busy qdisc waits on a list, and the kernel drops it where more than net.core.qdisc_max_burst
 * wait there (__dev_xmit_skb(), net/core/dev.c). Who waits is charged to a send buffer, so no more wait than all buffers
 * hold. Of the five sizes above, usual, small and the two packets are for the class's own rate; single and borrow, for
 * fewer wake-ups and fairer borrowing, are given up as far as it takes to stay below that limit, by all in proportion.
 * Where the first three alone are above it, nothing is given up: from 1.5 Gbit/s on with the kernel's limit of 1,000,
 * and the earlier the more queues the taps have.
 *
 * Leaf limit
 *
 * Under backpressure the leaf holds at most queues * (sndbuf + one packet) of charge (R1), and no
 * more length. But qdisc_pkt_len counts the headers of all segments (qdisc_pkt_len_init(),
 * net/core/dev.c): up to a quarter more, at the smallest MSS in use, 536, with IPv6, VLAN tag and
 * TCP options. The limit is never reached; it bounds a VMM that undoes its send buffer. Without
 * backpressure, in a bfifo, the limit is the standing queue: DROP_NS at the rate, a round-trip
 * time's worth for TCP (Villamizar and Song, 1994), and room for DROP_PACKETS of the largest.
 *
 * Without backpressure, where the kernel has fq_codel (RFC 8290), packets of one connection do not
 * wait behind those of another, and a queue that stands is told so:
 *
 *	target    5 ms, RFC 8290, 4.3; at low rates the time of 1.5 MTU-sized packets, or the queue
 *		  would be too long as soon as there is one (cake_set_rate(), net/sched/sch_cake.c)
 *	interval  100 ms, the same; twice the target if that is more (as there)
 *	limit     what comes in two intervals at the rate, one until CoDel drops and one until the
 *		  sender hears of it, charged as MTU-sized packets; room for CODEL_PACKETS of the
 *		  largest (TCP small queues let each connection have up to three on their way); at most
 *		  CODEL_MEMORY, the kernel's default (fq_codel_init(), net/sched/sch_fq_codel.c). It is
 *		  what a flood gets that heeds nothing; the longest queue pays when it is reached, and
 *		  what is above a lowered one is dropped. The guaranteed rate counts, not the ceiling:
 *		  so all leaves together are bounded by the uplink's capacity.
 *
 * What a VM receives cannot wait in front of divvy, so TCP has to be told by drops, and early. Without fq_codel that is
 * a bfifo of 10 ms at the guaranteed rate. It holds one packet of gso_max with the headers that qdisc_pkt_len adds for
 * segments of 600 bytes, or such a packet would never fit.
 *
 * The rest stays as the kernel has it: a quantum of one MTU-sized packet, 1,024 queues, ECN on.
 *
 * Quanta
 *
 * HTB's round robin looks at the deficit after sending only, so a quantum below the packet size
 * makes it per packet: the smallest part gets gso_max, the others in proportion.
 */

#include "sizing.h"

/*
 * What no packet is charged less than, bytes: struct sk_buff, and head room, data and skb_shared_info, which the kernel
 * takes from kmalloc-512 or a larger cache (drivers/net/tun.c, tun_alloc_skb()).
 */
#define LEAST_TRUESIZE 768U
#define MTU_LEN 1514U
#define MTU_TRUESIZE 2304U
#define SMALL_LEN 64U
#define PROMPT_PART 16U
#define STANDING_NS (30 * NSEC_PER_MSEC)
#define DROP_NS (50 * NSEC_PER_MSEC)
#define DROP_PACKETS 3U
#define EARLY_NS (10 * NSEC_PER_MSEC)
#define CODEL_TARGET_NS (5 * NSEC_PER_MSEC)
#define CODEL_INTERVAL_NS (100 * NSEC_PER_MSEC)
#define CODEL_PACKETS 8U
#define CODEL_MEMORY (32U << 20)

/* Measured, see R3 and lateness above; timer_ns so that both together are above the worst lateness. */
const struct sizing_host sizing_host_default = {
	.gso_max = 65536,
	.gso_truesize = 66368,
	.small_truesize = 832,
	.wake_ns = 2 * NSEC_PER_MSEC,
	.timer_ns = 8 * NSEC_PER_MSEC,
};

typedef unsigned __int128 u128;

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a * num / den, rounded up; saturates. */
static uint64_t scale(uint64_t a, uint64_t num, uint64_t den)
{
	u128 v = ((u128)a * num + den - 1) / den;

	return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

/* What goes at a rate in a time, bytes. */
static uint64_t during(struct rate rate, uint64_t ns)
{
	return scale(rate.bytes_ps, ns, NSEC_PER_SEC);
}

/* The headers that qdisc_pkt_len adds to a GSO packet. */
static uint64_t grown(uint64_t bytes)
{
	return scale(bytes, 5, 4);
}

static uint64_t prompt_ns(const struct sizing_host *h)
{
	return h->wake_ns / PROMPT_PART;
}

/* The kernel's counter is an int, and the last packet overshoots. */
static uint32_t as_sndbuf(const struct sizing_host *h, uint64_t bytes)
{
	return (uint32_t)min64(bytes, INT32_MAX - h->gso_truesize);
}

/* What a class needs for its own rate. */
static uint64_t own_buffer(const struct sizing_host *h, struct rate rate)
{
	uint64_t bytes = 2 * MTU_TRUESIZE;

	bytes = max64(bytes, scale(during(rate, 2 * h->wake_ns), h->gso_truesize, h->gso_max));
	return max64(bytes, scale(during(rate, 2 * prompt_ns(h)), h->small_truesize, SMALL_LEN));
}

static uint64_t send_buffer(const struct sizing_host *h, struct rate rate, struct rate ceil)
{
	uint64_t bytes = own_buffer(h, rate), standing = during(rate, STANDING_NS);

	bytes = max64(bytes, min64(h->gso_max, standing));
	return max64(bytes, min64(scale(during(ceil, 2 * prompt_ns(h)), MTU_TRUESIZE, MTU_LEN), standing));
}

static struct leaf bfifo(uint64_t limit)
{
	return (struct leaf){ .kind = LEAF_BFIFO, .limit = (uint32_t)min64(limit, UINT32_MAX) };
}

static struct leaf fq_codel(const struct sizing_host *h, struct rate rate)
{
	uint64_t rate_ps = max64(rate.bytes_ps, RATE_MIN_BYTES_PS);
	uint64_t target_ns = max64(scale(MTU_LEN * 3 / 2, NSEC_PER_SEC, rate_ps), CODEL_TARGET_NS);
	uint64_t bytes = scale(during(rate, 2 * CODEL_INTERVAL_NS), MTU_TRUESIZE, MTU_LEN);

	bytes = max64(bytes, CODEL_PACKETS * (uint64_t)h->gso_truesize);
	return (struct leaf){
		.kind = LEAF_FQ_CODEL,
		.limit = (uint32_t)min64(bytes, CODEL_MEMORY),
		.target_us = (uint32_t)(target_ns / NSEC_PER_USEC),
		.interval_us = (uint32_t)(max64(2 * target_ns, CODEL_INTERVAL_NS) / NSEC_PER_USEC),
	};
}

bool leaf_same(const struct leaf *a, const struct leaf *b)
{
	return a->kind == b->kind && a->limit == b->limit && a->target_us == b->target_us &&
	       a->interval_us == b->interval_us;
}

uint64_t sizing_bucket(const struct sizing_host *h, struct rate rate)
{
	return max64(during(rate, h->wake_ns + h->timer_ns), MTU_LEN);
}

void sizing_class(const struct sizing_host *h, struct rate rate, struct rate ceil, uint32_t queues,
		  struct sizing *out)
{
	struct sizing s;

	s.sndbuf = as_sndbuf(h, send_buffer(h, rate, ceil));
	s.own_sndbuf = as_sndbuf(h, own_buffer(h, rate));
	s.wait = bfifo(scale(grown((uint64_t)s.sndbuf + h->gso_max), queues, 1));
	s.drop = bfifo(max64(during(rate, DROP_NS), DROP_PACKETS * grown(h->gso_max)));
	s.codel = fq_codel(h, rate);
	s.early = bfifo(max64(during(rate, EARLY_NS), scale(h->gso_max, 11, 10)));
	s.burst = sizing_bucket(h, rate);
	s.cburst = sizing_bucket(h, ceil);
	*out = s;
}

uint64_t sizing_packets(uint32_t sndbuf, uint32_t queues)
{
	/* A queue may send once more as long as its buffer is not full (R1). */
	return sndbuf ? ((sndbuf - 1) / LEAST_TRUESIZE + 1) * (uint64_t)queues : 0;
}

void sizing_bound(struct sizing_buffer *list, size_t n, uint64_t packets)
{
	uint64_t own = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		own += sizing_packets(list[i].own, list[i].queues);
		all += sizing_packets(list[i].sndbuf, list[i].queues);
	}
	if (own > packets || all <= packets)
		return;
	/* In whole packets, rounded down, so that the sum is no more. */
	for (size_t i = 0; i < n; i++) {
		uint64_t least = sizing_packets(list[i].own, 1), most = sizing_packets(list[i].sndbuf, 1);
		uint64_t k = least + (uint64_t)((u128)(most - least) * (packets - own) / (all - own));

		list[i].sndbuf = (uint32_t)min64(max64(k * LEAST_TRUESIZE, list[i].own), list[i].sndbuf);
	}
}

void sizing_quanta(const struct sizing_host *h, const struct rate *part, size_t n, uint32_t *out)
{
	uint64_t least = UINT64_MAX, most = 1;
	u128 top;

	for (size_t i = 0; i < n; i++) {
		least = min64(least, max64(part[i].bytes_ps, 1));
		most = max64(most, part[i].bytes_ps);
	}
	if (!n)
		return;
	/* The largest part's quantum; where it would not fit, every other is scaled down with it. */
	top = (u128)h->gso_max * most / least;
	if (top > INT32_MAX)
		top = INT32_MAX;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint32_t)max64((uint64_t)(top * max64(part[i].bytes_ps, 1) / most), h->gso_max);
}
