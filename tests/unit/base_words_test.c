/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was probably meant. */
#include "base/words.h"

#include "random.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static void what_is_near(void **state)
{
	static const struct {
		const char *text, *word;
		unsigned int edits;
	} rows[] = {
		{ "staus", "status", 1 },         { "statsu", "status", 1 },     { "Status", "status", 0 },
		{ "sttsu", "status", 2 },         { "aplpy", "apply", 1 },       { "aply", "apply", 1 },
		{ "st", "set", 1 },               { "to", "top", 1 },            { "xx", "top", WORDS_FAR },
		{ "seet", "set", 1 },             { "release-all", "release", WORDS_FAR },
		{ "wbe", "web", 1 },              { "web", "db", WORDS_FAR },    { "", "a", WORDS_FAR },
		{ "tap100i0", "tap101i0", WORDS_FAR }, { "web1", "web2", WORDS_FAR }, { "web", "web2", WORDS_FAR },
		{ "web12", "web21", WORDS_FAR },  { "tpa100i0", "tap100i0", 1 }, { "eno1", "en01", WORDS_FAR },
		{ "sandbox-6d7a044eaf30a067109f46e5352d9398eaa121c1841a52dcd7947e4682754c59",
		  "sandbxo-6d7a044eaf30a067109f46e5352d9398eaa121c1841a52dcd7947e4682754c59", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int edits = words_edits(rows[i].text, rows[i].word);

		if (edits != rows[i].edits)
			fail_msg("%s, %s: %u", rows[i].text, rows[i].word, edits);
	}
}

/* By its definition: the least over what the last letters may have been. Exponential. */
static unsigned int reference(const char *a, size_t n, const char *b, size_t m)
{
	unsigned int best, r;

	if (n == 0 || m == 0)
		return (unsigned int)(n + m);
	best = reference(a, n - 1, b, m) + 1;
	r = reference(a, n, b, m - 1) + 1;
	best = r < best ? r : best;
	r = reference(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	best = r < best ? r : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		r = reference(a, n - 2, b, m - 2) + (a[n - 1] != a[n - 2]);
		best = r < best ? r : best;
	}
	return best;
}

static void like_the_definition(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		char a[8], b[8];
		size_t n = rnd() % 7, m = rnd() % 7;
		unsigned int want;

		for (size_t i = 0; i < n; i++)
			a[i] = (char)('a' + rnd() % 3);
		for (size_t i = 0; i < m; i++)
			b[i] = (char)('a' + rnd() % 3);
		a[n] = b[m] = '\0';
		want = reference(a, n, b, m);
		assert_int_equal(words_edits(a, b), want <= 2 && 2 * want <= m ? want : WORDS_FAR);
	}
}

static void long_ones_are_never_near(void **state)
{
	char a[300], b[300];

	(void)state;
	memset(a, 'a', sizeof(a));
	memset(b, 'a', sizeof(b));
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	assert_int_equal(words_edits(a, b), WORDS_FAR);
	a[127] = b[127] = '\0';
	assert_int_equal(words_edits(a, b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_near),
		cmocka_unit_test(like_the_definition),
		cmocka_unit_test(long_ones_are_never_near),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base_words", tests, NULL, NULL);
}
