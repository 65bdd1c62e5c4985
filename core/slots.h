/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The time-slot allocator, equation (1) of Lee et al.:
 *	TimeSlot_i = Credit_i / (sum(Credit) / #TimeSlots)
 * rounded by largest remainder (Hamilton), so that the slots always add up to #TimeSlots.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * out[i] is within one of the exact quotient; sum(out) == slots, or all are 0 if
 * every credit is 0. Ties go to the lower index. Credits up to 2^64-1 each and up to
 * 2^32-1 of them: sums are 128 bits wide. 0, or -ENOMEM with out untouched. O(n).
 */
int slots_allocate(const uint64_t *credit, size_t n, uint64_t slots, uint64_t *out);
