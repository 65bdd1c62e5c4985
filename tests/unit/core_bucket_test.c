/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The leaky bucket against a reference that keeps unit-nanoseconds in 128 bits and never divides. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/slots/bucket.h"
#include "core/types.h"
#include "random.h"

#define LEVEL_MIN (-INT64_MAX / 2)

typedef __int128 i128;

/* Evenly over magnitudes, so that tiny and huge values both come. */
static uint64_t rnd_magnitude(unsigned int bits)
{
	return rnd() >> (64 - 1 - rnd() % bits);
}

struct reference {
	i128 level; /* unit-nanoseconds */
	i128 depth;
	uint64_t rate, last_ns;
};

static void reference_refill(struct reference *r, uint64_t now)
{
	if (now <= r->last_ns)
		return;
	r->level += (i128)r->rate * (now - r->last_ns);
	if (r->level > r->depth)
		r->level = r->depth;
	r->last_ns = now;
}

static void same(const struct bucket *b, const struct reference *r)
{
	assert_true((i128)b->level * (i128)NSEC_PER_SEC + b->frac == r->level);
	assert_true(b->frac < NSEC_PER_SEC);
	assert_true(b->level <= b->depth);
	assert_int_equal(b->last_ns, r->last_ns);
}

static void starts_full(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000, 77, 5);
	assert_int_equal(b.level, 77);
	assert_int_equal(b.frac, 0);
	bucket_refill(&b, NSEC_PER_SEC);
	assert_int_equal(b.level, 77);
}

static void no_fraction_is_lost(void **state)
{
	(void)state;
	for (int run = 0; run < 300; run++) {
		uint64_t rate = rnd_magnitude(37), now = rnd() >> 20;
		int64_t depth = (int64_t)rnd_magnitude(40);
		struct reference r = { .level = (i128)depth * (i128)NSEC_PER_SEC,
				       .depth = (i128)depth * (i128)NSEC_PER_SEC,
				       .rate = rate,
				       .last_ns = now };
		struct bucket b;

		bucket_init(&b, rate, depth, now);
		for (int step = 0; step < 500; step++) {
			uint64_t taken = rnd_magnitude(30);

			now += rnd_magnitude(1 + (unsigned int)(rnd() % 34));
			bucket_refill(&b, now);
			reference_refill(&r, now);
			same(&b, &r);
			bucket_charge(&b, taken);
			r.level -= (i128)taken * (i128)NSEC_PER_SEC;
			same(&b, &r);
		}
	}
}

/* 3 units a second, refilled each nanosecond-odd: one refill of the whole time gives the same. */
static void spacing_does_not_matter(void **state)
{
	struct bucket often, once;
	uint64_t now = 0;

	(void)state;
	bucket_init(&often, 3, 1000000, 0);
	bucket_init(&once, 3, 1000000, 0);
	bucket_charge(&often, 1000000);
	bucket_charge(&once, 1000000);
	for (int i = 0; i < 1000000; i++) {
		now += 1 + rnd() % 5000;
		bucket_refill(&often, now);
	}
	bucket_refill(&once, now);
	assert_int_equal(often.level, once.level);
	assert_int_equal(often.frac, once.frac);
	assert_true(once.level > 0);
}

static void clock_going_back_adds_nothing(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, NSEC_PER_SEC, 100, 1000);
	bucket_charge(&b, 100);
	bucket_refill(&b, 900);
	assert_int_equal(b.level, 0);
	bucket_refill(&b, 1000);
	assert_int_equal(b.level, 0);
	bucket_refill(&b, 1010);
	assert_int_equal(b.level, 10);
}

static void extremes(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, UINT64_MAX, INT64_MAX, 0);
	bucket_charge(&b, UINT64_MAX);
	assert_int_equal(b.level, LEVEL_MIN);
	bucket_charge(&b, UINT64_MAX);
	assert_int_equal(b.level, LEVEL_MIN);
	bucket_refill(&b, UINT64_MAX);
	assert_int_equal(b.level, INT64_MAX);
	assert_int_equal(b.frac, 0);

	/* 400 Gbit/s over a year without a refill. */
	bucket_init(&b, RATE_MAX_BYTES_PS, INT64_MAX, 0);
	bucket_charge(&b, INT64_MAX);
	bucket_refill(&b, 31536000 * NSEC_PER_SEC);
	assert_int_equal(b.level, 31536000 * RATE_MAX_BYTES_PS);

	bucket_init(&b, 0, 0, 0);
	bucket_refill(&b, UINT64_MAX);
	assert_int_equal(b.level, 0);
}

static void configure_credits_the_old_rate_first(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000, 5000, 0);
	bucket_charge(&b, 5000);
	bucket_configure(&b, 1, 3000, 2 * NSEC_PER_SEC);
	assert_int_equal(b.level, 2000);
	bucket_refill(&b, 3 * NSEC_PER_SEC);
	assert_int_equal(b.level, 2001);
	bucket_configure(&b, 1, 10, 3 * NSEC_PER_SEC);
	assert_int_equal(b.level, 10);
	assert_int_equal(b.frac, 0);
	/* Deeper: not filled by it. */
	bucket_configure(&b, 1, 100, 3 * NSEC_PER_SEC);
	assert_int_equal(b.level, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_full),
		cmocka_unit_test(no_fraction_is_lost),
		cmocka_unit_test(spacing_does_not_matter),
		cmocka_unit_test(clock_going_back_adds_nothing),
		cmocka_unit_test(extremes),
		cmocka_unit_test(configure_credits_the_old_rate_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
