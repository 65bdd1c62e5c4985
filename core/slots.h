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
 * Divide slots among n holders of credit, n < 2^32. Each out[i] is less than one slot from the exact
 * quotient, and all add up to slots; if every credit is 0, every out[i] is 0. Of two equal remainders the
 * one with the lower index gets the slot. Sums are 128 bits wide. O(n).
 * Returns 0; -ENOMEM: out is untouched.
 */
int slots_allocate(const uint64_t *credit, size_t n, uint64_t slots, uint64_t *out);
