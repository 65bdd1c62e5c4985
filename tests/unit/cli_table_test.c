/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include "base/cleanup.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const headers[] = { "NAME", ">N", "REST", NULL };

static void print_and_free(struct table *t, const char *before, const char *behind, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	table_print(t, f, before, behind);
	fclose(f);
	table_free(t);
	assert_string_equal(text, expected);
}

/* Nothing behind the last column, and the headers of a table without rows. */
static void test_empty(void **state)
{
	struct table t = { .headers = headers };

	(void)state;
	print_and_free(&t, "", "", "NAME N REST\n");
	t = (struct table){ .headers = headers };
	table_line(&t, "nothing is here");
	print_and_free(&t, "<", ">", "<NAME N REST>\nnothing is here\n");
}

/* A line ends a row, and is as long as it wants to be. */
static void test_lines(void **state)
{
	struct table t = { .headers = headers };

	(void)state;
	table_line(&t, "before all");
	for (int i = 0; i < 2; i++) {
		table_cell(&t, "row%d", i);
		table_cell(&t, "%d", 5 + 7 * i);
		table_cell(&t, "-");
		table_line(&t, "  of row %d, longer than the whole table", i);
	}
	table_cell(&t, "half");
	table_line(&t, "  cut short");
	table_line(&t, "end");
	print_and_free(&t, "<", ">",
		       "<NAME  N REST>\n"
		       "before all\n"
		       "row0  5 -\n"
		       "  of row 0, longer than the whole table\n"
		       "row1 12 -\n"
		       "  of row 1, longer than the whole table\n"
		       "half    \n"
		       "  cut short\n"
		       "end\n");
}

/* Columns of the terminal, not bytes: two for a wide character, none for one that stands on another. */
static void test_widths(void **state)
{
	struct table t = { .headers = headers };

	(void)state;
	table_cell(&t, "日本");
	table_cell(&t, "1");
	table_cell(&t, "a");
	table_cell(&t, "e\xcc\x81t\xcc\xa9");
	table_cell(&t, "2");
	table_cell(&t, "b");
	table_cell(&t, "Zürich");
	table_cell(&t, "3");
	table_cell(&t, "c");
	print_and_free(&t, "", "",
		       "NAME   N REST\n"
		       "日本   1 a\n"
		       "e\xcc\x81t\xcc\xa9     2 b\n"
		       "Zürich 3 c\n");
}

/* A name that was escaped where it came in is not escaped again. */
static void test_escaped_name(void **state)
{
	struct table t = { .headers = headers };

	(void)state;
	table_cell(&t, "a\\x5cx");
	table_cell(&t, "1");
	table_cell(&t, "\\x1b[31m");
	print_and_free(&t, "", "", "NAME   N REST\na\\x5cx 1 \\x1b[31m\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_escaped_name),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
