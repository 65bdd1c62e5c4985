/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Sizes of buckets, quanta, queues and send buffers: the smallest standing queue that keeps a
 * class busy. The Theory of Operation, with the formulas' derivation and sources, is in sizing.c.
 */

#include "types.h"

#include <stdbool.h>
#include <stddef.h>

/* What the formulas depend on besides rates. Constant for a host; tests vary it. */
struct sizing_host {
	uint32_t gso_max;        /* largest packet that a vNIC sends, bytes (IFLA_GSO_MAX_SIZE; 65536) */
	uint32_t gso_truesize;   /* what one such packet charges to a socket, bytes */
	uint32_t small_truesize; /* what the smallest packet charges, bytes */
	uint64_t wake_ns;        /* from "buffer below half" to the VMM's next write, nanoseconds */
	uint64_t timer_ns;       /* how late a qdisc watchdog may fire, nanoseconds */
};

extern const struct sizing_host sizing_host_default;

enum leaf_kind {
	LEAF_NONE, /* not known */
	LEAF_BFIFO,
	LEAF_FQ_CODEL,
};

/* The queue at a leaf. */
struct leaf {
	enum leaf_kind kind;
	uint32_t limit;       /* bytes; bfifo: of length; fq_codel: of truesize (its memory_limit) */
	uint32_t target_us;   /* fq_codel: the delay that may stand, microseconds */
	uint32_t interval_us; /* fq_codel: for how long a longer delay may stand, microseconds */
};

/* Whether both are the same in every field. */
bool leaf_same(const struct leaf *a, const struct leaf *b);

struct sizing {
	uint32_t sndbuf;      /* TUNSETSNDBUF, bytes of truesize; > 0; each of the tap's queues has as much */
	uint32_t own_sndbuf;  /* of it, what the class needs for its own rate; > 0 */
	struct leaf wait;     /* under backpressure: its limit is never reached */
	struct leaf drop;     /* without backpressure, where the kernel has no fq_codel */
	struct leaf codel;    /* without backpressure */
	struct leaf early;    /* what a VM receives, where the kernel has no fq_codel: a short queue */
	uint64_t burst;       /* HTB bucket at the guaranteed rate, bytes */
	uint64_t cburst;      /* HTB bucket at the ceiling, bytes */
};

/* The sizes of one class. rate: guaranteed; ceil: ceiling, >= rate; queues: how many the tap has, >= 1. */
void sizing_class(const struct sizing_host *h, struct rate rate, struct rate ceil,
		  uint32_t queues, struct sizing *out);

/* How many packets wait at most for a tap with this send buffer, in bytes of truesize, in each of its queues. 0: none. */
uint64_t sizing_packets(uint32_t sndbuf, uint32_t queues);

/* The send buffer of one tap, as sizing_class() says. */
struct sizing_buffer {
	uint32_t sndbuf; /* bytes of truesize, >= own; made smaller by sizing_bound() */
	uint32_t own;    /* own_sndbuf of its class */
	uint32_t queues; /* each has as much */
};

/*
 * Lower send buffers so that their packets together (sizing_packets()) are at most this many; none below what the
 * class needs for its own rate. Where that cannot be, none is changed. O(n).
 */
void sizing_bound(struct sizing_buffer *list, size_t n, uint64_t packets);

/* Only the bucket of a class at this rate, or at this ceiling, bytes. */
uint64_t sizing_bucket(const struct sizing_host *h, struct rate rate);

/*
 * HTB quanta of classes that borrow from one ancestor, in proportion to their parts of it. O(n).
 * part[]: what each class is entitled to, at most RATE_MAX_BYTES_PS; 0 counts as 1 byte per second.
 * out[]: bytes, from h->gso_max to INT32_MAX. If the largest part's quantum would be above INT32_MAX, it is
 * INT32_MAX; the others stay in proportion to it, but none falls below gso_max.
 */
void sizing_quanta(const struct sizing_host *h, const struct rate *part, size_t n, uint32_t *out);
