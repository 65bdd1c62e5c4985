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
