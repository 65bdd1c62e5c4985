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
	const char *n = getenv("TREES"); /* 1,000 take 16 s with sanitizers: 0.65 points at most */

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

static double limit_mbit(const struct followed *f, uint32_t i)
{
	uint64_t limit = f->w.m.nodes[i].limit.bytes_ps;

	return limit > f->w.m.nodes[0].limit.bytes_ps ? 0 : (double)limit / MBIT;
}

/*
 * One tree and what its devices send, as tests/system/senders.c reads both; then what each got in the simulation. For
 * tests/bench/htb_sim.sh, which compares it with the kernel. The number of the tree is the seed.
 */
static int print_tree(const char *number)
{
	static struct followed f;
	char sep = ' ';

	seed += 7919 * strtoull(number, NULL, 10);
	for (int i = 0; i < 50; i++)
		(void)rnd();
	follow_make(&f, 48 * MBIT);
	printf("uplink 48\n");
	for (uint32_t i = 1; i < f.w.m.n_nodes; i++) {
		const struct node *n = &f.w.m.nodes[i];

		printf("%s n%u ", n->kind == NODE_DEVICE ? "device" : "network", i);
		printf(n->parent ? "n%u" : "-", n->parent);
		printf(" %u %.3f %.3f\n", n->share.weight, (double)n->reserve.bytes_ps / MBIT, limit_mbit(&f, i));
	}
	(void)follow_pattern(&f, 5);
	printf("modes");
	for (uint32_t i = 0; i < f.w.m.n_nodes; i++, sep = f.w.sim.c[i - 1].leaf ? ',' : sep)
		if (f.w.sim.c[i].leaf && rate_is_unlimited(f.w.demand[i]))
			printf("%cf", sep);
		else if (f.w.sim.c[i].leaf)
			printf("%c%.4f", sep, (double)f.w.demand[i].bytes_ps / MBIT);
	printf("\n");
	for (uint32_t i = 0; i < f.w.m.n_nodes; i++)
		if (f.w.sim.c[i].leaf)
			printf("got n%u %.3f\n", i, follow_got(&f, i) / MBIT);
	model_free(&f.w.m);
	return 0;
}

int main(void)
{
	const char *number = getenv("PRINT_TREE");

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_what_it_is_entitled_to),
	};

	if (number)
		return print_tree(number);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
