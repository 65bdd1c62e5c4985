/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other programs did, counted and told: a line a minute, and how often in the last minute. */

#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/repairs.h"
#include "random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START (1000 * NSEC_PER_SEC + 123456789)

static struct repairs r;

static int setup(void **state)
{
	(void)state;
	repairs_free(&r);
	return 0;
}

static uint32_t last_minute(const char *name, uint64_t now)
{
	struct repairs_sum sum;

	repairs_sum(&r, name, now, &sum);
	return sum.last_minute;
}

static void a_line_a_minute(void **state)
{
	uint64_t now = START;
	int told = 0, lines = 0;

	(void)state;
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, now), 1);
	for (int i = 1; i < 60; i++)
		assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, now + i * NSEC_PER_SEC), 0);
	/* Each one that was not told before, that one included. */
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, now + 60 * NSEC_PER_SEC), 60);
	/* Whatever the rhythm: never two lines in a minute, and none untold for longer while they go on. */
	for (int i = 0; i < 10000; i++) {
		int n;

		now += NSEC_PER_SEC / 7;
		n = repairs_note(&r, "batch", REPAIR_CLASS_CHANGED, DIRECTION_TX, now);
		told += n;
		lines += n > 0;
	}
	assert_in_range(lines, 10000 / 7 / 60, 10000 / 7 / 60 + 1);
	assert_in_range(told, 10000 - 7 * 60, 10000);
}

static void each_for_itself(void **state)
{
	struct repairs_sum sum;

	(void)state;
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, START), 1);
	assert_int_equal(repairs_note(&r, "web", REPAIR_CLASS_CHANGED, DIRECTION_TX, START), 1);
	assert_int_equal(repairs_note(&r, "batch", REPAIR_FILTER_REMOVED, DIRECTION_TX, START), 1);
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, START + 1), 0);
	repairs_sum(&r, "web", START + 2, &sum);
	assert_int_equal(sum.last_minute, 3);
	assert_int_equal(sum.total, 3);
	assert_string_equal(sum.text, "filter removed 2 times, class changed once");
	repairs_sum(&r, "we", START + 2, &sum);
	assert_int_equal(sum.total, 0);
	assert_string_equal(sum.text, "");
}

/* Against all times remembered. */
static void the_last_minute(void **state)
{
	enum { N = 2000 };
	static uint64_t at[N];
	uint64_t now = START;

	(void)state;
	for (int i = 0; i < N; i++) {
		uint32_t expected = 0;

		now += rnd() % (i % 100 ? 2 * NSEC_PER_SEC : 100 * NSEC_PER_SEC);
		at[i] = now;
		assert_true(repairs_note(&r, "web", REPAIR_QUEUE, DIRECTION_TX, now) >= 0);
		for (int k = 0; k <= i; k++)
			expected += at[k] / NSEC_PER_SEC + REPAIRS_WINDOW_S > now / NSEC_PER_SEC;
		assert_int_equal(last_minute("web", now), expected);
		if (i % 50 == 0)
			assert_in_range(last_minute("web", now + 30 * NSEC_PER_SEC), 0, expected);
		assert_int_equal(last_minute("web", now + 61 * NSEC_PER_SEC), 0);
	}
}

static void the_start_of_the_clock(void **state)
{
	(void)state;
	assert_int_equal(repairs_note(&r, "web", REPAIR_ROOT, DIRECTION_TX, 0), 1);
	assert_int_equal(repairs_note(&r, "web", REPAIR_ROOT, DIRECTION_TX, 1), 0);
	assert_int_equal(last_minute("web", 2), 2);
	assert_int_equal(last_minute("web", 59 * NSEC_PER_SEC), 2);
	assert_int_equal(last_minute("web", 60 * NSEC_PER_SEC), 0);
}

static void many_in_a_second(void **state)
{
	(void)state;
	for (int i = 0; i < 70000; i++)
		repairs_note(&r, "web", REPAIR_ROOT, DIRECTION_TX, START);
	assert_int_equal(last_minute("web", START), UINT16_MAX);
}

/* Names come and go: memory has an end, and what goes on is not forgotten. */
static void many_names(void **state)
{
	char name[32];

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "vm%llu", (unsigned long long)i);
		assert_true(repairs_note(&r, name, REPAIR_FILTER_REMOVED, DIRECTION_TX, START + i * NSEC_PER_SEC) == 1);
		repairs_note(&r, "always", REPAIR_FILTER_REMOVED, DIRECTION_TX, START + i * NSEC_PER_SEC);
	}
	assert_in_range(r.n, 1000, 10000);
	assert_int_equal(last_minute("always", START + 19999 * NSEC_PER_SEC), 60);
	assert_int_equal(last_minute("vm19999", START + 19999 * NSEC_PER_SEC), 1);
	assert_int_equal(last_minute("vm0", START + 19999 * NSEC_PER_SEC), 0);
	for (size_t i = 1; i < r.n; i++)
		assert_true(strcmp(r.list[i - 1].name, r.list[i].name) < 0);
}

static void a_text_that_is_full(void **state)
{
	struct repairs_sum sum;

	(void)state;
	for (int what = REPAIR_FILTER_REMOVED; what <= REPAIR_IFB_CHANGED; what++)
		for (int i = 0; i < 1000; i++)
			repairs_note(&r, "web", (enum repair)what, DIRECTION_TX, START);
	repairs_sum(&r, "web", START, &sum);
	assert_in_range(strlen(sum.text), 100, sizeof(sum.text) - 1);
	assert_int_equal(sum.total, 1000 * (REPAIR_IFB_CHANGED + 1));
}

/* What is done to one direction's filter does not hide what is done to the other's. */
static void each_direction(void **state)
{
	struct repairs_sum sum;

	(void)state;
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_TX, START), 1);
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_RX, START), 1);
	assert_int_equal(repairs_note(&r, "web", REPAIR_FILTER_REMOVED, DIRECTION_RX, START + 1), 0);
	repairs_sum(&r, "web", START + 1, &sum);
	assert_int_equal(sum.total, 3);
	assert_string_equal(sum.text, "filter removed once, filter removed (rx) 2 times");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_direction, setup),
		cmocka_unit_test_setup_teardown(a_line_a_minute, setup, setup),
		cmocka_unit_test_setup_teardown(each_for_itself, setup, setup),
		cmocka_unit_test_setup_teardown(the_last_minute, setup, setup),
		cmocka_unit_test_setup_teardown(the_start_of_the_clock, setup, setup),
		cmocka_unit_test_setup_teardown(many_in_a_second, setup, setup),
		cmocka_unit_test_setup_teardown(many_names, setup, setup),
		cmocka_unit_test_setup_teardown(a_text_that_is_full, setup, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("repairs", tests, NULL, NULL);
}
