/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Patterns against a matcher that tries all ways, on short random texts. */

#include "base/cleanup.h"
#include "core/pattern.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool tries_all(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return tries_all(pattern + 1, text) || (*text && tries_all(pattern, text + 1));
	if (!*pattern || !*text)
		return !*pattern && !*text;
	return (*pattern == '?' || *pattern == *text) && tries_all(pattern + 1, text + 1);
}

static void random_text(const char *letters, char *out, size_t most)
{
	size_t n = rnd() % (most + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = letters[rnd() % strlen(letters)];
	out[n] = '\0';
}

static void as_one_that_tries_all(void **state)
{
	size_t matched = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char pattern[9], text[9];
		bool want;

		random_text("ab*?", pattern, 8);
		random_text("ab*", text, 8);
		want = tries_all(pattern, text);
		assert_int_equal(pattern_matches(pattern, text), want);
		matched += want;
		if (!pattern_is(pattern))
			assert_int_equal(want, strcmp(pattern, text) == 0);
	}
	assert_in_range(matched, 20000, 180000);
}

/* A hostile pattern and name take no more than their lengths' product. */
static void many_stars(void **state)
{
	char pattern[64], text[64];

	(void)state;
	memset(text, 'a', 63);
	text[63] = '\0';
	for (size_t i = 0; i < 62; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	memcpy(pattern + 62, "b", 2);
	assert_false(pattern_matches(pattern, text));
}

static void more_specific(void **state)
{
	/* From the most to the least specific; those of one rank are ties. */
	static const struct {
		const char *text;
		int rank;
	} list[] = {
		{ "web-1?", 0 }, { "w*eb-1", 1 }, { "web-1*", 1 }, { "web-??", 2 }, { "web-*", 3 },
		{ "*-web", 3 },	 { "w?b*", 4 },	  { "wb*", 5 },	   { "??*", 6 },    { "*", 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		for (size_t k = 0; k < ARRAY_SIZE(list); k++) {
			int r = pattern_compare(list[i].text, list[k].text);

			assert_int_equal((r > 0) - (r < 0), (list[i].rank > list[k].rank) - (list[i].rank < list[k].rank));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_one_that_tries_all),
		cmocka_unit_test(many_stars),
		cmocka_unit_test(more_specific),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
