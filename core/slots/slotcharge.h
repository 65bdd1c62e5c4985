/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a slot costs its VM where CPU time is charged. A slot belongs to its VM whether that uses it or not,
 * so that leaving most of it unused must not be cheap: else a VM with a small share could hold up all others
 * by using a little of many slots. On a crowded host, though, a VM does not get all of its slot, and its
 * clock may be read a tick early. So a slot counts for three quarters of its length at the least, and what
 * that is above the use is taken off the next ones.
 */

#include <stdint.h>

/*
 * Nanoseconds. *over: what was charged above the use so far, 0 to a slot; the VM's own, 0 at first.
 * elapsed_ns: what the slot lasted. used_ns <= INT64_MAX / 2.
 */
static inline uint64_t slot_charge(int64_t *over, uint64_t slot_ns, uint64_t used_ns, uint64_t elapsed_ns)
{
	const int64_t whole = (int64_t)(elapsed_ns < slot_ns ? elapsed_ns : slot_ns);
	const int64_t least = whole - whole / 4, want = (int64_t)used_ns - *over;
	const int64_t charge = want < least ? least : want;

	*over = charge - want < (int64_t)slot_ns ? charge - want : (int64_t)slot_ns;
	return (uint64_t)charge;
}
