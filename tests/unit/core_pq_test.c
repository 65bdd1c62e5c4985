/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The priority queue against a linear search. */

#include "core/slots/pq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define N 300U

static void test_against_search(void **state)
{
	struct pq q = { 0 };
	struct pq_item there[N] = { 0 };
	bool in[N] = { false };

	(void)state;
	srand(3);
	assert_int_equal(pq_reserve(&q, N / 2), 0);
	assert_int_equal(pq_reserve(&q, N), 0);
	assert_int_equal(pq_pop(&q), PQ_NONE);
	assert_null(pq_top(&q));
	for (int i = 0; i < 100000; i++) {
		uint32_t id = (uint32_t)rand() % N, n = 0;
		const struct pq_item *least = NULL;

		switch (rand() % 4) {
		case 0:
			pq_remove(&q, id);
			in[id] = false;
			break;
		case 1:
			id = pq_pop(&q);
			if (id != PQ_NONE)
				in[id] = false;
			break;
		default:
			there[id] = (struct pq_item){ (uint64_t)rand() % 10, (uint64_t)rand() % 10, id };
			pq_set(&q, id, there[id].hi, there[id].lo);
			in[id] = true;
		}
		for (uint32_t k = 0; k < N; k++) {
			assert_int_equal(pq_contains(&q, k), in[k]);
			if (!in[k])
				continue;
			n++;
			if (!least || there[k].hi < least->hi ||
			    (there[k].hi == least->hi && there[k].lo < least->lo))
				least = &there[k];
		}
		assert_int_equal(q.n, n);
		if (!least)
			continue;
		assert_int_equal(pq_top(&q)->hi, least->hi);
		assert_int_equal(pq_top(&q)->lo, least->lo);
	}
	pq_clear(&q);
	assert_int_equal(q.n, 0);
	for (uint32_t k = 0; k < N; k++)
		assert_false(pq_contains(&q, k));
	assert_false(pq_contains(&q, N));
	pq_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_search) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/pq", tests, NULL, NULL);
}
