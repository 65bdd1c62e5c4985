/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a slot costs its VM under a policy that charges CPU time. A slot belongs to its VM whether the VM
 * uses it or not. So a slot that is hardly used must not be cheap: a VM with a small share could use a
 * little of many slots, and hold up all others. But on a crowded host a VM does not get all of its slot,
 * and its clock may be read a tick early. So a slot costs three quarters of its length at least. What that
 * is above the use is taken off the VM's next slots.
 */

#include <stdint.h>

/*
 * Returns what the slot costs, nanoseconds of CPU time. slot_ns: how long a slot is; elapsed_ns: how long
 * this one lasted; used_ns: what the VM used of it, at most INT64_MAX / 2. *over: what the VM has been
 * charged above its use so far, 0 to slot_ns; kept for each VM, 0 at first.
 */
static inline uint64_t slot_charge(int64_t *over, uint64_t slot_ns, uint64_t used_ns, uint64_t elapsed_ns)
{
	const int64_t whole = (int64_t)(elapsed_ns < slot_ns ? elapsed_ns : slot_ns);
	const int64_t least = whole - whole / 4, want = (int64_t)used_ns - *over;
	const int64_t charge = want < least ? least : want;

	*over = charge - want < (int64_t)slot_ns ? charge - want : (int64_t)slot_ns;
	return (uint64_t)charge;
}
