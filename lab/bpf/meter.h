/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the wire's meter in the kernel and its reader share. */

/*
 * One arrival in one word, so that a reader sees all of it or nothing: nanoseconds since the meter's base in
 * the upper bits (4.8 hours), wire length below (1 MB; the largest GSO packet with all its headers is less).
 * 0: not written yet.
 */
#define METER_LEN_BITS 20
#define METER_LEN_MASK ((1ULL << METER_LEN_BITS) - 1)

/* Gap histogram: 4 buckets an octave, from 1 us; the first holds all below, the last all above. */
#define METER_HIST_SHIFT 10 /* 2^10 ns */
#define METER_HIST_BUCKETS 96

struct meter_totals {
	unsigned long long packets;
	unsigned long long bytes;
	unsigned long long last_ns; /* CLOCK_MONOTONIC; 0: none yet */
	unsigned long long hist[METER_HIST_BUCKETS];
};
_Static_assert(sizeof(struct meter_totals) == 8 * (3 + METER_HIST_BUCKETS), "shared with BPF");
