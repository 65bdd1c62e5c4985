/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "plan/reason.h"

#include <string.h>

static void every_code_has_a_line(void **state)
{
	(void)state;
	for (int code = REASON_NONE; code < N_REASONS; code++) {
		struct reason r;

		memset(&r, 'x', sizeof(r));
		reason_set(&r, (enum reason_code)code, "AAA", "BBB", "CCC");
		assert_int_equal(r.code, code);
		assert_non_null(memchr(r.text, '\0', sizeof(r.text)));
		assert_int_equal(r.text[0] == '\0', code == REASON_NONE);
		assert_null(strchr(r.text, '@'));
		assert_null(strchr(r.text, '\n'));
	}
}

/* Two codes with one line could not be told apart by a person. */
static void lines_differ(void **state)
{
	(void)state;
	for (int a = REASON_NONE; a < N_REASONS; a++) {
		for (int b = REASON_NONE; b < a; b++) {
			struct reason x, y;

			reason_set(&x, (enum reason_code)a, "AAA", "BBB", "CCC");
			reason_set(&y, (enum reason_code)b, "AAA", "BBB", "CCC");
			assert_string_not_equal(x.text, y.text);
		}
	}
}

static void words_go_to_their_places(void **state)
{
	struct reason r;

	(void)state;
	reason_set(&r, REASON_NO_VM, "web", NULL, NULL);
	assert_string_equal(r.text, "no VM web on this host");
	reason_set(&r, REASON_CLAIMED, "tap0", "db", NULL);
	assert_string_equal(r.text, "tap0 is claimed by device db already");
	reason_set(&r, REASON_NO_ATTACH, "tap0", "Operation not supported", ": no such hook");
	assert_string_equal(r.text, "cannot attach to tap0: Operation not supported: no such hook");
	reason_set(&r, REASON_NFT_HOOK, "filter/guests", "tap0", "ingress");
	assert_string_equal(
		r.text, "nft chain filter/guests hooks tap0 at ingress and would be passed by: remove it, or "
			"set force: true");
	reason_set(&r, REASON_OFF, NULL, NULL, NULL);
	assert_string_equal(r.text, "off in the specification");
}

/* A VM may have any name. */
static void what_a_word_says_is_no_place(void **state)
{
	struct reason r;

	(void)state;
	reason_set(&r, REASON_CLAIMED, "@2@1%s", "@1", NULL);
	assert_string_equal(r.text, "@2@1%s is claimed by device @1 already");
}

static void no_word_is_an_empty_one(void **state)
{
	struct reason r;

	(void)state;
	reason_set(&r, REASON_NO_ATTACH, "tap0", "why", NULL);
	assert_string_equal(r.text, "cannot attach to tap0: why");
	reason_set(&r, REASON_VMM, NULL, NULL, NULL);
	assert_string_equal(r.text, "");
}

/* Cut at the size, wherever the end falls: in a word, behind it, or in the line's own text. */
static void a_long_line_is_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < 2 * REASON_TEXT_SIZE; len++) {
		char word[2 * REASON_TEXT_SIZE], whole[3 * REASON_TEXT_SIZE] = "";
		struct {
			struct reason r;
			char guard[16];
		} out;

		memset(word, 'w', len);
		word[len] = '\0';
		memset(&out, 'x', sizeof(out));
		reason_set(&out.r, REASON_CLAIMED, word, "db", NULL);
		strcat(strcpy(whole, word), " is claimed by device db already");
		whole[REASON_TEXT_SIZE - 1] = '\0';
		assert_string_equal(out.r.text, whole);
		for (size_t i = 0; i < sizeof(out.guard); i++)
			assert_int_equal(out.guard[i], 'x');
	}
}

/* A reason that is replaced by another one leaves nothing behind. */
static void replaces(void **state)
{
	struct reason r;

	(void)state;
	reason_set(&r, REASON_CLAIMED, "tap0", "db", NULL);
	reason_set(&r, REASON_NONE, NULL, NULL, NULL);
	assert_int_equal(r.code, REASON_NONE);
	assert_string_equal(r.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_line),
		cmocka_unit_test(lines_differ),
		cmocka_unit_test(words_go_to_their_places),
		cmocka_unit_test(what_a_word_says_is_no_place),
		cmocka_unit_test(no_word_is_an_empty_one),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(replaces),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
