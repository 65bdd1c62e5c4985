/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Arrays sorted by ifindex against a table with a place for every ifindex, under random changes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/byifindex.h"
#include "random.h"

#define IFINDEXES 64U

struct elem {
	uint32_t ifindex;
	uint64_t value;
};

static void as_the_table_says(struct elem *list, size_t n, const uint64_t table[IFINDEXES])
{
	size_t there = 0;

	for (uint32_t i = 0; i < IFINDEXES; i++) {
		struct elem *e = byifindex_find(list, n, sizeof(*e), i);

		there += table[i] != 0;
		if (!table[i]) {
			assert_null(e);
			continue;
		}
		assert_non_null(e);
		assert_int_equal(e->ifindex, i);
		assert_int_equal(e->value, table[i]);
	}
	assert_int_equal(n, there);
	for (size_t k = 1; k < n; k++)
		assert_true(list[k - 1].ifindex < list[k].ifindex);
}

static void changes_at_random(void **state)
{
	uint64_t table[IFINDEXES] = { 0 };
	struct elem *list = NULL;
	size_t n = 0;

	(void)state;
	as_the_table_says(list, n, table);
	for (int run = 0; run < 5000; run++) {
		struct elem new = { .ifindex = (uint32_t)(rnd() % IFINDEXES), .value = 1 + rnd() / 2 };
		struct elem *known = byifindex_find(list, n, sizeof(new), new.ifindex);

		if (known) {
			byifindex_remove(list, &n, sizeof(new), known);
			table[new.ifindex] = 0;
		} else {
			assert_int_equal(byifindex_insert(&list, &n, sizeof(new), &new), 0);
			table[new.ifindex] = new.value;
		}
		as_the_table_says(list, n, table);
	}
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(changes_at_random) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base/byifindex", tests, NULL, NULL);
}
