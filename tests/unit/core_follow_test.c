/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whether an HTB that follows demand gives each device what it is entitled to, with senders that change all the time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "htb_follow.h"

#include <stdlib.h>

#define MBIT 125000ULL

static int trees(void)
{
	const char *n = getenv("TREES"); /* 1,000 take 16 s with sanitizers: 0.76 points at most */

	return n ? atoi(n) : 60;
}

static void each_gets_what_it_is_entitled_to(void **state)
{
	enum { PATTERNS = 3 };
	double sum = 0, max = 0;
	size_t divisions = 0;
	int n = trees();

	(void)state;
	for (int tree = 0; tree < n; tree++) {
		static struct followed f;

		follow_make(&f, 48 * MBIT);
		for (int k = 0; k < PATTERNS; k++) {
			double error = follow_pattern(&f, 5);

			sum += error;
			max = fmax(max, error);
			if (error > 1)
				printf("# tree %d, pattern %d: %.2f points\n", tree, k, error);
		}
		divisions += f.divisions;
		model_free(&f.w.m);
	}
	printf("# worst device of a pattern: mean %.3f, worst %.3f points of the uplink; %.1f divisions a second\n",
	       sum / n / PATTERNS, max, (double)divisions / n / PATTERNS / 5);
	assert_true(max <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_what_it_is_entitled_to),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
