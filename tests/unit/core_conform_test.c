/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Conformance: sequences written by hand. Random ones are core_conform_random_test.c's. */

#include "core/conform.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MBIT(n) ((struct rate){ (n) * 125000ULL })
#define MS NSEC_PER_MSEC

/* A device on an uplink of 100 Mbit/s that is read every 20 ms. */
struct subject {
	struct conform c;
	struct conform_reading r;
	unsigned int missed, below, settled; /* told */
};

static void start(struct subject *s)
{
	*s = (struct subject){ .r = { .now_ns = NSEC_PER_SEC,
				      .backlogged = true,
				      .entitled = MBIT(50),
				      .reserve = MBIT(20),
				      .capacity = MBIT(100),
				      .packet = 1514 } };
	conform_read(&s->c, &s->r);
}

static void note(struct subject *s, unsigned int news)
{
	s->missed += (news & CONFORM_RESERVE_MISSED) != 0;
	s->below += (news & CONFORM_BELOW) != 0;
	s->settled += (news & CONFORM_SETTLED) != 0;
}

/* It sends at that rate for that long. */
static void run(struct subject *s, struct rate rate, unsigned int ms)
{
	for (unsigned int t = 0; t < ms; t += 20) {
		s->r.now_ns += 20 * MS;
		s->r.bytes += rate.bytes_ps / 50;
		note(s, conform_read(&s->c, &s->r));
	}
	assert_int_equal(s->c.reserve_missed, s->missed);
	assert_int_equal(s->c.below, s->below);
}

static void test_holds(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(50), 980);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(50), 20);
	assert_int_equal(s.c.measured_ns, s.r.now_ns);
	assert_int_equal(s.c.delivered.bytes_ps, MBIT(50).bytes_ps);
	assert_int_equal(s.c.entitled.bytes_ps, MBIT(50).bytes_ps);
	run(&s, MBIT(49), 20000);
	assert_int_equal(s.missed + s.below, 0);
	assert_int_equal(s.c.violated_ns, 0);
	assert_true(fabs(conform_error_pp(&s.c, s.r.capacity) + 1.0) < 0.001);
	/* Below by 1.9 of 100 is none. */
	run(&s, (struct rate){ MBIT(50).bytes_ps - 19 * 12500 }, 5000);
	assert_int_equal(s.below, 0);
}

static void test_below(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 1000);
	run(&s, MBIT(45), 3000);
	/* In whole seconds, the first of which begins 100 ms after it woke. */
	assert_int_equal(s.below, 2);
	assert_int_equal(s.c.violated_ns, NSEC_PER_SEC + 3100 * MS);
	assert_int_equal(s.missed, 0);
	assert_true(fabs(conform_error_pp(&s.c, s.r.capacity) + 5.0) < 0.001);
	/* Not backlogged it asks for no more. */
	s.r.backlogged = false;
	run(&s, MBIT(30), 5000);
	assert_int_equal(s.below, 2);
	/* Backlogged for less than a second at a time. */
	for (int i = 0; i < 5; i++) {
		s.r.backlogged = true;
		run(&s, MBIT(30), 900);
		s.r.backlogged = false;
		run(&s, MBIT(30), 20);
	}
	assert_int_equal(s.below, 2);
}

static void test_reserve(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	/* The first window after it woke does not count, and the second does. */
	run(&s, MBIT(10), 100);
	assert_int_equal(s.missed, 0);
	run(&s, MBIT(10), 100);
	assert_int_equal(s.missed, 1);
	run(&s, MBIT(20), 1000);
	assert_int_equal(s.missed, 1);
	/* Two packets less in 100 ms: 1,514 * 2 of 250,000 bytes. */
	run(&s, (struct rate){ MBIT(20).bytes_ps - 30000 }, 1000);
	assert_int_equal(s.missed, 1);
	run(&s, (struct rate){ MBIT(20).bytes_ps - 31000 }, 1000);
	assert_int_equal(s.missed, 11);
	assert_int_equal(s.c.violated_ns, s.r.now_ns);
}

/* At 1 Mbit/s 64 packets are 775 ms: so short is no window, and 780 ms is the first that is long enough. */
static void test_low_reserve(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.reserve = s.r.entitled = MBIT(1);
	run(&s, MBIT(1), 780);
	run(&s, RATE_ZERO, 760);
	assert_int_equal(s.missed, 0);
	run(&s, RATE_ZERO, 20);
	assert_int_equal(s.missed, 1);
}

/* A network cannot use its reserve where all that has packets in it is limited: its entitlement says so. */
static void test_cannot_use(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.entitled = MBIT(5);
	run(&s, MBIT(5), 5000);
	assert_int_equal(s.missed, 0);
}

static void test_sleep(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 980);
	conform_sleep(&s.c);
	s.r.now_ns += 100 * NSEC_PER_SEC;
	run(&s, MBIT(1), 100);
	assert_int_equal(s.missed, 0);
	/* A gap, and a class that was made anew, are as sleep. */
	s.r.now_ns += 2 * NSEC_PER_SEC;
	run(&s, MBIT(1), 100);
	s.r.bytes = 0;
	run(&s, MBIT(1), 100);
	assert_int_equal(s.missed, 0);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(1), 2000);
	assert_in_range(s.missed, 19, 20);
	assert_int_equal(s.below, 1);
}

/* With thousands of active devices readings are seconds apart, and tell all the same; a pause is longer than that. */
static void test_rare(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.apart_ns = 1200 * MS;
	for (int i = 0; i < 10; i++) {
		/* Each is late by a fifth. */
		s.r.now_ns += 1440 * MS;
		s.r.bytes += MBIT(10).bytes_ps * 144 / 100;
		note(&s, conform_read(&s.c, &s.r));
		assert_int_equal(s.c.measured_ns, s.r.now_ns);
	}
	assert_int_equal(s.c.delivered.bytes_ps, MBIT(10).bytes_ps);
	assert_int_equal(s.c.entitled.bytes_ps, MBIT(50).bytes_ps);
	/* The first window of the reserve does not count, and the entitlement's begins with the second reading. */
	assert_int_equal(s.missed, 9);
	assert_int_equal(s.below, 9);
	/* The next window ends up to two periods later. */
	assert_true(conform_is_recent(&s.c, s.r.now_ns + 4 * NSEC_PER_SEC));
	assert_false(conform_is_recent(&s.c, s.r.now_ns + 5 * NSEC_PER_SEC));
	s.r.now_ns += 2401 * MS;
	note(&s, conform_read(&s.c, &s.r));
	assert_int_equal(s.missed, 9);
	assert_int_equal(s.below, 9);
	/* Readings that are meant to come often, and do not. */
	s.r.apart_ns = 20 * MS;
	for (int i = 0; i < 10; i++) {
		s.r.now_ns += 1200 * MS;
		note(&s, conform_read(&s.c, &s.r));
	}
	assert_int_equal(s.missed + s.below, 9 + 9);
	assert_true(conform_is_recent(&s.c, s.c.measured_ns + 3 * NSEC_PER_SEC));
	assert_false(conform_is_recent(&s.c, s.c.measured_ns + 3 * NSEC_PER_SEC + 1));
	assert_false(conform_is_recent(&(struct conform){ 0 }, NSEC_PER_SEC));
}

static void test_settles(void **state)
{
	struct subject s;
	uint64_t changed;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 1000);
	assert_int_equal(s.settled, 0);
	changed = s.r.now_ns;
	conform_change(&s.c, changed);
	s.r.entitled = MBIT(70);
	run(&s, MBIT(50), 200);
	run(&s, MBIT(70), 20);
	assert_int_equal(s.c.settled_ns, 0);
	run(&s, MBIT(70), 400);
	assert_int_equal(s.settled, 1);
	/* In windows of 60 ms. */
	assert_in_range(s.c.settled_ns, changed + 200 * MS, changed + 260 * MS);
	run(&s, MBIT(10), 1000);
	assert_int_equal(s.settled, 1);
	/* It was right at once; then it is not. */
	conform_change(&s.c, s.r.now_ns);
	s.r.entitled = MBIT(10);
	changed = s.r.now_ns;
	run(&s, MBIT(10), 1000);
	assert_int_equal(s.settled, 2);
	assert_in_range(s.c.settled_ns, changed, changed + 20 * MS);
	/* Not measured: it was idle. */
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			conform_change(&s.c, s.r.now_ns);
		conform_sleep(&s.c);
		if (i == 1)
			conform_change(&s.c, s.r.now_ns);
		run(&s, MBIT(10), 1000);
		assert_int_equal(s.settled, 2);
		assert_int_equal(s.c.settled_ns, 0);
	}
	/* Never, while it swings. */
	conform_change(&s.c, s.r.now_ns);
	for (int i = 0; i < 20; i++) {
		run(&s, MBIT(20), 60);
		run(&s, MBIT(10), 120);
	}
	assert_int_equal(s.c.settled_ns, 0);
}

/* The largest numbers that there are. */
static void test_extremes(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.capacity = s.r.entitled = s.r.reserve = (struct rate){ RATE_MAX_BYTES_PS };
	s.r.packet = UINT32_MAX;
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.c.delivered.bytes_ps, RATE_MAX_BYTES_PS);
	s.r.entitled = RATE_UNLIMITED;
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.c.entitled.bytes_ps, RATE_MAX_BYTES_PS);
	s.r.reserve = (struct rate){ 1 };
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.below, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),      cmocka_unit_test(test_below),   cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_low_reserve), cmocka_unit_test(test_cannot_use), cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_settles),    cmocka_unit_test(test_rare),    cmocka_unit_test(test_extremes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
