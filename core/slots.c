/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * Equation (1) divides; slots are whole. Hamilton's method (largest remainder; Balinski and Young, Fair
 * Representation, 1982) gives each VM the integer part. The integer parts leave some slots over. These go,
 * one each, to the VMs from which most was cut off. The method "satisfies quota": no VM is off by one slot
 * or more.
 *
 *	quotient_i  = floor(credit_i * slots / sum)
 *	remainder_i = credit_i * slots mod sum              (< sum < 2^96)
 *	left        = slots - sum(quotient) = sum(remainder) / sum   (< n)
 *
 * The "left" largest remainders are found without sorting, by radix selection: byte by byte
 * from the top, count how many candidates have each value, and keep the value within which the
 * left-th falls. Twelve passes whatever the credits are, where quickselect has a bad case that a
 * tenant could arrange.
 */

#include "slots.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

typedef unsigned __int128 u128;

#define REMAINDER_BITS 96

/*
 * The left-th largest of rest[] (1 <= left <= n). *above: how many are larger than it, so that
 * left - *above of its equals are among the left largest.
 */
static u128 select_largest(const u128 *rest, size_t n, size_t left, size_t *above)
{
	u128 prefix = 0, mask = 0;

	*above = 0;
	for (int shift = REMAINDER_BITS - 8; shift >= 0; shift -= 8) {
		size_t count[256] = { 0 };
		unsigned int v = 255;

		for (size_t i = 0; i < n; i++)
			if ((rest[i] & mask) == prefix)
				count[(uint8_t)(rest[i] >> shift)]++;
		for (; *above + count[v] < left; v--)
			*above += count[v];
		prefix |= (u128)v << shift;
		mask |= (u128)0xff << shift;
	}
	return prefix;
}

static void give_left_over(const u128 *rest, size_t n, size_t left, uint64_t *out)
{
	size_t above, equals;
	u128 least;

	if (!left)
		return;
	least = select_largest(rest, n, left, &above);
	equals = left - above;
	for (size_t i = 0; i < n; i++) {
		if (rest[i] > least) {
			out[i]++;
		} else if (rest[i] == least && equals) {
			out[i]++;
			equals--;
		}
	}
}

int slots_allocate(const uint64_t *credit, size_t n, uint64_t slots, uint64_t *out)
{
	_cleanup_free_ u128 *rest = NULL;
	uint64_t left = slots;
	u128 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += credit[i];
	if (!sum || !slots) {
		for (size_t i = 0; i < n; i++)
			out[i] = 0;
		return 0;
	}

	rest = calloc(n, sizeof(*rest));
	if (!rest)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		u128 exact = (u128)credit[i] * slots;

		/* Where both fit 64 bits, a division is one instruction instead of a call. */
		if (!(exact >> 64) && !(sum >> 64)) {
			out[i] = (uint64_t)exact / (uint64_t)sum;
			rest[i] = (uint64_t)exact % (uint64_t)sum;
		} else {
			out[i] = (uint64_t)(exact / sum);
			rest[i] = exact - out[i] * sum;
		}
		left -= out[i];
	}
	give_left_over(rest, n, (size_t)left, out);
	return 0;
}
