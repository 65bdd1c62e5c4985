/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside: nothing of it reaches a terminal raw, and no two names become one. */
#include "base/printable.h"

#include "awkward.h"
#include "random.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define NAME_SIZE 128

static bool all_print(const char *s)
{
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		uint32_t c = 0;

		len = utf8_decode(s + i, n - i, &c);
		if (len == 0 || utf8_is_unprintable(c))
			return false;
	}
	return true;
}

static void awkward_names(void **state)
{
	char shown[ARRAY_SIZE(awkward)][NAME_SIZE], again[NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++) {
		printable_name(awkward[i].name, shown[i], NAME_SIZE);
		if (strcmp(shown[i], awkward[i].shown) != 0)
			print_message("# %s: %s\n", awkward[i].what, shown[i]);
		assert_string_equal(shown[i], awkward[i].shown);
		assert_true(all_print(shown[i]));
		/* What was taken in is not changed on its way out. */
		assert_string_equal(printable(shown[i], strlen(shown[i]), again, sizeof(again)), shown[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(shown[i], shown[k]);
	}
}

static void text_that_does_not_fit(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *out;
	} rows[] = {
		{ "abc", 4, "abc" },        { "abc", 3, "ab" },     { "abc", 1, "" },
		{ "a\xc3\xa4", 4, "a\xc3\xa4" }, { "a\xc3\xa4", 3, "a" },  { "a\n", 6, "a\\x0a" },
		{ "a\n", 5, "a" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(printable(rows[i].text, strlen(rows[i].text), out, rows[i].size), rows[i].out);
}

/* Names that differ behind what fits are still two. */
static void long_names(void **state)
{
	char a[400], b[400], one[NAME_SIZE], other[NAME_SIZE];

	(void)state;
	for (size_t n = 100; n < sizeof(a) - 1; n++) {
		memset(a, 'a', n);
		a[n] = '\0';
		memcpy(b, a, n + 1);
		b[n - 1] = 'b';
		printable_name(a, one, sizeof(one));
		printable_name(b, other, sizeof(other));
		assert_string_not_equal(one, other);
		assert_int_equal(strlen(one), n < NAME_SIZE ? n : NAME_SIZE - 1);
		assert_int_equal(strcmp(one, a) == 0, n < NAME_SIZE);
	}
}

static void random_bytes(void **state)
{
	char text[300], out[1500], name[NAME_SIZE];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = rnd() % (sizeof(text) - 1);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(1 + rnd() % 255);
		text[n] = '\0';
		assert_true(all_print(printable(text, n, out, 1 + rnd() % sizeof(out))));
		assert_true(all_print(printable_name(text, name, 33 + rnd() % (sizeof(name) - 32))));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(awkward_names),
		cmocka_unit_test(text_that_does_not_fit),
		cmocka_unit_test(long_names),
		cmocka_unit_test(random_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base_printable", tests, NULL, NULL);
}
