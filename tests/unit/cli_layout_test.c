/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Widths: of texts (cli/shorten.h) and of columns (cli/columns.h). */
#include "cli/columns.h"
#include "cli/shorten.h"

#include "base/cleanup.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void shorten(const char *text, size_t columns, bool ascii, const char *expected)
{
	char out[128];
	size_t got = shorten_middle(text, columns, ascii, out, sizeof(out));

	assert_string_equal(out, expected);
	assert_int_equal(got, shorten_width(expected));
	assert_true(got <= columns);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(shorten_width(""), 0);
	assert_int_equal(shorten_width("web"), 3);
	assert_int_equal(shorten_width("Zürich"), 6);
	assert_int_equal(shorten_width("日本"), 4);
	assert_int_equal(shorten_width("e\xcc\x81"), 1);
	assert_int_equal(shorten_width("\xff\xfe"), 2);
	assert_int_equal(shorten_width("a\tb"), 3);
}

static void test_middle(void **state)
{
	(void)state;
	shorten("web", 3, false, "web");
	shorten("tenant-a-web-01", 9, false, "tena…b-01");
	shorten("tenant-a-web-01", 8, false, "tena…-01");
	shorten("tenant-a-web-01", 1, false, "…");
	shorten("tenant-a-web-01", 2, false, "t…");
	shorten("tenant-a-web-01", 0, false, "");
	shorten("tenant-a-web-01", 8, true, "tena~-01");
}

/* A wide character that would be cut in two is left out, and an accent stays on its letter. */
static void test_middle_wide(void **state)
{
	(void)state;
	shorten("日本語日本語", 7, false, "日…語");
	shorten("日本語日本語", 9, false, "日本…本語");
	shorten("a日b日c", 6, false, "a日…c");
	shorten("e\xcc\x81xxxxu\xcc\x88", 3, false, "e\xcc\x81…u\xcc\x88");
	shorten("Zürich", 6, true, "Z?rich");
	shorten("日本", 4, true, "????");
	shorten("\x1b[31m", 5, false, "?[31m");
}

/* Whatever the width: it fits, and is whole UTF-8. */
static void test_middle_all(void **state)
{
	static const char *const texts[] = { "日本語日本語", "aé日b\xcc\x81\xcc\x82", "\xe6\x97", "tenant/web", "" };
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t columns = 0; columns < 20; columns++)
			for (size_t size = 1; size < sizeof(out); size++) {
				size_t got = shorten_middle(texts[i], columns, false, out, size);

				assert_true(strlen(out) < size);
				assert_true(got <= columns);
				assert_int_equal(got, shorten_width(out));
			}
}

static void test_fit(void **state)
{
	struct column all[] = {
		{ .least = 10, .most = 20 },
		{ .least = 5, .most = 5, .drop = 2 },
		{ .least = 8, .most = 30, .drop = 1 },
		{ .least = 4, .most = 4, .drop = 3 },
		{ .least = 0, .most = 0 },
	};

	(void)state;
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 30), 30);
	assert_int_equal(all[3].width, 4);
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 29), 29);
	assert_int_equal(all[3].width, 0);
	assert_int_equal(all[0].width, 12);
	assert_int_equal(all[1].width, 5);
	assert_int_equal(all[2].width, 10);
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 24), 24);
	assert_int_equal(all[1].width, 0);
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 18), 18);
	assert_int_equal(all[2].width, 0);
	assert_int_equal(all[0].width, 18);
	/* What is never dropped stays. */
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 3), 10);
	/* Nothing can use more than its most. */
	assert_int_equal(columns_fit(all, ARRAY_SIZE(all), 500), 20 + 1 + 5 + 1 + 30 + 1 + 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_middle),
		cmocka_unit_test(test_middle_wide),
		cmocka_unit_test(test_middle_all),
		cmocka_unit_test(test_fit),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
