/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Equation (1): slots always add up, nobody is off by one slot or more, and largest remainders win. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/slots.h"
#include "core/types.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

#define N_MAX 10000

static u128 total(const uint64_t *v, size_t n)
{
	u128 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

/* The definition, slowly: hand out what is left one by one, always to the largest remainder. */
static void reference(const uint64_t *credit, size_t n, uint64_t slots, uint64_t *out)
{
	u128 sum = total(credit, n);
	u128 rest[64];
	uint64_t left = slots;

	for (size_t i = 0; i < n; i++) {
		out[i] = (uint64_t)((u128)credit[i] * slots / sum);
		rest[i] = (u128)credit[i] * slots % sum;
		left -= out[i];
	}
	for (; left; left--) {
		size_t best = 0;

		for (size_t i = 1; i < n; i++)
			if (rest[i] > rest[best])
				best = i;
		out[best]++;
		rest[best] = 0;
	}
}

/* Adds up, and |out_i - quotient_i| < 1 in exact arithmetic. */
static void check_quota(const uint64_t *credit, size_t n, uint64_t slots, const uint64_t *out)
{
	u128 sum = total(credit, n);

	assert_true(total(out, n) == slots);
	for (size_t i = 0; i < n; i++) {
		uint64_t low = (uint64_t)((u128)credit[i] * slots / sum);

		assert_true(out[i] == low || (out[i] == low + 1 && (u128)credit[i] * slots % sum));
	}
}

static void nobody(void **state)
{
	uint64_t out = 7;

	(void)state;
	assert_int_equal(slots_allocate(NULL, 0, 10, &out), 0);
	assert_int_equal(out, 7);
}

static void no_credit_no_slots(void **state)
{
	const uint64_t credit[3] = { 0, 0, 0 };
	uint64_t out[3] = { 1, 2, 3 };

	(void)state;
	assert_int_equal(slots_allocate(credit, 3, 10, out), 0);
	assert_true(total(out, 3) == 0);

	out[1] = 5;
	assert_int_equal(slots_allocate((uint64_t[]){ 1, 2, 3 }, 3, 0, out), 0);
	assert_true(total(out, 3) == 0);
}

static void one(void **state)
{
	uint64_t credit = 1, out = 0;

	(void)state;
	assert_int_equal(slots_allocate(&credit, 1, 100, &out), 0);
	assert_int_equal(out, 100);
	credit = UINT64_MAX;
	assert_int_equal(slots_allocate(&credit, 1, UINT64_MAX, &out), 0);
	assert_int_equal(out, UINT64_MAX);
}

static void the_papers_ratios(void **state)
{
	static const struct {
		uint64_t credit[3], slots, out[3];
	} cases[] = {
		{ { 50, 50, 0 }, 100, { 50, 50, 0 } },   /* figure 5 */
		{ { 60, 40, 0 }, 10, { 6, 4, 0 } },      /* figure 6 */
		{ { 50, 30, 20 }, 10, { 5, 3, 2 } },     /* figure 11 */
		{ { 1, 1, 1 }, 10, { 4, 3, 3 } },        /* a tie goes to the lower index */
		{ { 1, 1, 1 }, 2, { 1, 1, 0 } },
		{ { 5, 3, 1 }, 1, { 1, 0, 0 } },
		{ { 0, 1, 2 }, 4, { 0, 1, 3 } },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		uint64_t out[3];

		assert_int_equal(slots_allocate(cases[k].credit, 3, cases[k].slots, out), 0);
		assert_memory_equal(out, cases[k].out, sizeof(out));
	}
}

static void like_the_definition(void **state)
{
	(void)state;
	for (int run = 0; run < 20000; run++) {
		uint64_t credit[64], out[64], want[64], slots = rnd() >> (rnd() % 64);
		size_t n = 1 + rnd() % 64;
		unsigned int shift = (unsigned int)(rnd() % 64);

		for (size_t i = 0; i < n; i++)
			credit[i] = rnd() % 5 ? rnd() >> shift : 0;
		credit[rnd() % n] |= 1;
		assert_int_equal(slots_allocate(credit, n, slots, out), 0);
		check_quota(credit, n, slots, out);
		reference(credit, n, slots, want);
		assert_memory_equal(out, want, n * sizeof(*out));
	}
}

static void ten_thousand(void **state)
{
	uint64_t *credit = calloc(N_MAX, sizeof(*credit)), *out = calloc(N_MAX, sizeof(*out));
	const uint64_t slots[] = { 1, 10, N_MAX - 1, N_MAX, 1000000, UINT64_MAX };

	(void)state;
	for (unsigned int shift = 0; shift < 64; shift += 9) {
		for (size_t i = 0; i < N_MAX; i++)
			credit[i] = 1 + (rnd() >> shift) / 2;
		for (size_t k = 0; k < sizeof(slots) / sizeof(*slots); k++) {
			assert_int_equal(slots_allocate(credit, N_MAX, slots[k], out), 0);
			check_quota(credit, N_MAX, slots[k], out);
		}
	}
	/* All alike: the lower indices get the rest. */
	for (size_t i = 0; i < N_MAX; i++)
		credit[i] = 3;
	assert_int_equal(slots_allocate(credit, N_MAX, N_MAX + 17, out), 0);
	for (size_t i = 0; i < N_MAX; i++)
		assert_int_equal(out[i], i < 17 ? 2 : 1);
	free(credit);
	free(out);
}

/* Credits in bytes of 400 Gbit/s over an hour, and the type's own end. */
static void overflow(void **state)
{
	const uint64_t hour = 3600 * RATE_MAX_BYTES_PS;
	uint64_t credit[1000], out[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		credit[i] = hour - i;
	assert_int_equal(slots_allocate(credit, 1000, hour, out), 0);
	check_quota(credit, 1000, hour, out);

	for (size_t i = 0; i < 1000; i++)
		credit[i] = UINT64_MAX;
	assert_int_equal(slots_allocate(credit, 1000, UINT64_MAX, out), 0);
	check_quota(credit, 1000, UINT64_MAX, out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody),
		cmocka_unit_test(no_credit_no_slots),
		cmocka_unit_test(one),
		cmocka_unit_test(the_papers_ratios),
		cmocka_unit_test(like_the_definition),
		cmocka_unit_test(ten_thousand),
		cmocka_unit_test(overflow),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
