/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The fluid clock: rates, what a difference of levels is worth, and where the arithmetic ends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/nsec.h"
#include "core/slots/fluid.h"

static uint64_t entitled(uint64_t lanes, uint64_t weights, uint64_t heaviest, uint64_t weight, uint64_t ns)
{
	struct fluid f = { 0 };

	fluid_serve(&f, lanes, weights, heaviest);
	fluid_advance(&f, ns);
	return fluid_ns(f.level, weight, UINT64_MAX);
}

static void assert_about(uint64_t got, uint64_t want)
{
	assert_in_range(got, want - want / 1000000 - 1, want + 1);
}

static void in_proportion(void **state)
{
	uint64_t got, want;

	(void)state;
	assert_about(entitled(1, 100, 0, 60, NSEC_PER_SEC), 6 * NSEC_PER_SEC / 10);
	assert_about(entitled(1, 100, 0, 40, NSEC_PER_SEC), 4 * NSEC_PER_SEC / 10);
	assert_about(entitled(2, 100, 50, 50, NSEC_PER_SEC), NSEC_PER_SEC);
	assert_about(entitled(2, 100, 50, 20, NSEC_PER_SEC), 4 * NSEC_PER_SEC / 10);
	/* A year; all the VMs there can be, with the largest weight. The rate has 17 bits then: 8 ppm. */
	want = 31536000 * NSEC_PER_SEC / 60000 * 128;
	got = entitled(128, 60000ULL << 30, 1ULL << 30, 1ULL << 30, 31536000 * NSEC_PER_SEC);
	assert_in_range(got, want - want / 125000, want);
	/* No VM is served. */
	assert_int_equal(entitled(2, 0, 0, 1, NSEC_PER_SEC), 0);
}

/* 60:40 on two lanes: 1 and 0.67. */
static void no_vm_has_more_than_a_lane(void **state)
{
	struct fluid f = { 0 };

	(void)state;
	assert_true(fluid_serve(&f, 2, 100, 60));
	assert_false(fluid_serve(&f, 2, 100, 50));
	assert_false(fluid_serve(&f, 1, 100, 101));
	assert_about(entitled(2, 100, 60, 60, NSEC_PER_SEC), NSEC_PER_SEC);
	assert_about(entitled(2, 100, 60, 40, NSEC_PER_SEC), NSEC_PER_SEC * 2 / 3);
	assert_about(entitled(128, 1, 1, 1, NSEC_PER_SEC), NSEC_PER_SEC);
}

static void time_that_goes_back_stands(void **state)
{
	struct fluid f = { .last_ns = 1000 };
	fluid_t level;

	(void)state;
	fluid_serve(&f, 1, 1, 0);
	fluid_advance(&f, 2000);
	level = f.level;
	fluid_advance(&f, 500);
	assert_true(f.level == level && f.last_ns == 2000);
	fluid_advance(&f, 2001);
	assert_int_equal(fluid_ns(f.level - level, 1, UINT64_MAX), 1);
}

static void saturates(void **state)
{
	(void)state;
	assert_int_equal(fluid_ns((fluid_t)1 << FLUID_SHIFT, 1, 1), 1);
	assert_int_equal(fluid_ns((fluid_t)2 << FLUID_SHIFT, 1, 1), 1);
	assert_int_equal(fluid_ns((fluid_t)5 << FLUID_SHIFT, 3, UINT64_MAX), 15);
	/* On both sides of where the multiplication would leave 128 bits. */
	assert_int_equal(fluid_ns((fluid_t)0xff << FLUID_SHIFT, 1ULL << 40, UINT64_MAX), 0xffULL << 40);
	assert_int_equal(fluid_ns((fluid_t)0x100 << FLUID_SHIFT, 1ULL << 40, UINT64_MAX), 0x100ULL << 40);
	for (int shift = 80; shift < 128; shift++)
		assert_int_equal(fluid_ns((fluid_t)1 << shift, 1ULL << 40, UINT64_MAX), UINT64_MAX);
	assert_int_equal(fluid_ns((fluid_t)1 << 120, 1, 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_proportion),
		cmocka_unit_test(no_vm_has_more_than_a_lane),
		cmocka_unit_test(time_that_goes_back_stands),
		cmocka_unit_test(saturates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
