/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How often divvyd looks at devices that send: guests that wake and sleep as they like take a bounded part of a core. */

#include "core/pace.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

static void periods(void **state)
{
	struct pace p = { 0 };

	(void)state;
	assert_int_equal(pace_period_ns(&p, 1, false), 25 * MS + 120 * US);
	assert_int_equal(pace_period_ns(&p, 1, true), 50 * MS + 240 * US);
	assert_int_equal(pace_period_ns(&p, 1000, false), 145 * MS);
	/* Looks of a small host change nothing. */
	pace_looked(&p, NSEC_PER_SEC, 100 * US);
	assert_int_equal(pace_period_ns(&p, 1, false), 25 * MS + 120 * US);
	/* The first packets of all are looked at as soon as they can be a queue; later ones are not to bring looks together. */
	assert_int_equal(pace_wake_ns(&p, 0, true, NSEC_PER_SEC + 5 * MS), NSEC_PER_SEC + 7 * MS);
	assert_int_equal(pace_wake_ns(&p, 100, false, NSEC_PER_SEC + MS), NSEC_PER_SEC + (25 * MS + 12 * MS) / 4);
}

/* One dear look among cheap ones counts for some time. */
static void cost_is_kept(void **state)
{
	struct pace p = { 0 };
	uint64_t before;

	(void)state;
	pace_looked(&p, NSEC_PER_SEC, 10 * MS);
	assert_int_equal(pace_period_ns(&p, 1, false), 200 * MS);
	before = pace_period_ns(&p, 1, false);
	for (int i = 0; i < 100; i++) {
		pace_looked(&p, NSEC_PER_SEC, 10 * US);
		assert_true(pace_period_ns(&p, 1, false) <= before);
		before = pace_period_ns(&p, 1, false);
	}
	assert_int_equal(before, 25 * MS + 120 * US);
}

/* Guests of whom one wakes up at each moment, or floods, for 100 seconds: CPU time of the looks, parts of a thousand. */
static uint64_t load(size_t active, bool calm, bool wakes, uint64_t cost_ns)
{
	struct pace p = { 0 };
	uint64_t spent = 0, now = NSEC_PER_SEC, end = now + 100 * NSEC_PER_SEC;

	while (now < end) {
		uint64_t begun = now, next;

		spent += cost_ns;
		now += cost_ns;
		pace_looked(&p, begun, cost_ns);
		next = begun + pace_period_ns(&p, active, calm);
		if (wakes && pace_wake_ns(&p, active, calm, now) < next)
			next = pace_wake_ns(&p, active, calm, now);
		now = next > now ? next : now;
	}
	return spent * 1000 / (100 * NSEC_PER_SEC);
}

static void is_bounded(void **state)
{
	static const uint64_t costs[] = { 10 * US, 100 * US, MS, 7 * MS, 50 * MS, 200 * MS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		for (size_t active = 1; active <= 10000; active *= 10)
			for (int k = 0; k < 4; k++) {
				uint64_t permille = load(active, k & 1, k & 2, costs[i]);

				if (permille > (k & 2 ? 105 : 55))
					fail_msg("%zu active, %ju ns a look: %ju of a thousand", active, (uintmax_t)costs[i],
						 (uintmax_t)permille);
			}
}

/* A few among many are asked for one by one, a dump of 10,000 classes would cost more than they do. */
static void singly(void **state)
{
	(void)state;
	assert_true(pace_singly(1, 8));
	assert_false(pace_singly(1, 7));
	assert_true(pace_singly(9, 10000));
	assert_true(pace_singly(1250, 10000));
	assert_false(pace_singly(1251, 10000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods),
		cmocka_unit_test(cost_is_kept),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(singly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
