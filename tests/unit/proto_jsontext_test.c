/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON written as text, read back by jansson. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/jsontext.h"

#include "base/cleanup.h"
#include "random.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *read_back(struct jsontext *j)
{
	_cleanup_free_ char *text = jsontext_take(j);
	json_error_t err;
	json_t *root;

	assert_non_null(text);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	if (!root)
		fail_msg("%s: %s", err.text, text);
	return root;
}

static void every_kind(void **state)
{
	struct jsontext j = { 0 };
	json_auto_t *root = NULL;

	(void)state;
	jsontext_open(&j, NULL, '{');
	jsontext_int(&j, "least", INT64_MIN);
	jsontext_int(&j, "zero", 0);
	jsontext_int(&j, "most", INT64_MAX);
	jsontext_real(&j, "real", -1234.5);
	jsontext_real(&j, "nan", NAN);
	jsontext_real(&j, "inf", -INFINITY);
	jsontext_bool(&j, "yes", true);
	jsontext_bool(&j, "no", false);
	jsontext_null(&j, "null");
	jsontext_open(&j, "empty", '[');
	jsontext_close(&j, ']');
	jsontext_open(&j, "list", '[');
	jsontext_string(&j, NULL, "{");
	jsontext_string(&j, NULL, "[");
	jsontext_open(&j, NULL, '{');
	jsontext_close(&j, '}');
	jsontext_int(&j, NULL, 7);
	jsontext_close(&j, ']');
	jsontext_string(&j, "last", "");
	jsontext_close(&j, '}');
	root = read_back(&j);
	assert_true(json_integer_value(json_object_get(root, "least")) == INT64_MIN);
	assert_int_equal(json_integer_value(json_object_get(root, "zero")), 0);
	assert_true(json_integer_value(json_object_get(root, "most")) == INT64_MAX);
	assert_true(json_real_value(json_object_get(root, "real")) == -1234.5);
	assert_true(json_is_null(json_object_get(root, "nan")) && json_is_null(json_object_get(root, "inf")));
	assert_true(json_is_true(json_object_get(root, "yes")) && json_is_false(json_object_get(root, "no")));
	assert_true(json_is_null(json_object_get(root, "null")));
	assert_int_equal(json_array_size(json_object_get(root, "empty")), 0);
	assert_int_equal(json_array_size(json_object_get(root, "list")), 4);
	assert_string_equal(json_string_value(json_object_get(root, "last")), "");
	assert_int_equal(json_object_size(root), 12);
}

/* Bytes of all kinds: what prints comes back as it was, and everything else as its escape. */
static void strings(void **state)
{
	static const struct {
		const char *text, *back;
	} cases[] = {
		{ "plain", NULL },
		{ "\"quoted\\\"", NULL },
		{ "a\nb\tc\x01\x1f\x7f", "a\\x0ab\\x09c\\x01\\x1f\\x7f" },
		{ "gr\xc3\xbc\xc3\x9f", NULL },
		{ "\xf0\x9f\x90\xa7", NULL },
		{ "\xff", "\\xff" },
		{ "cut \xc3", "cut \\xc3" },
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "right \xe2\x80\xae left", "right \\xe2\\x80\\xae left" }, /* NOLINT(misc-misleading-bidirectional) */
		{ "tag \xf3\xa0\x81\x81", "tag \\xf3\\xa0\\x81\\x81" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jsontext j = { 0 };
		json_auto_t *root = NULL;

		jsontext_open(&j, NULL, '[');
		jsontext_string(&j, NULL, cases[i].text);
		jsontext_close(&j, ']');
		root = read_back(&j);
		assert_string_equal(json_string_value(json_array_get(root, 0)),
				    cases[i].back ? cases[i].back : cases[i].text);
	}
}

static void random_bytes(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct jsontext j = { 0 };
		json_auto_t *root = NULL;
		char text[64];
		size_t n = rnd() % sizeof(text);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(1 + rnd() % 255);
		text[n] = '\0';
		jsontext_open(&j, NULL, '{');
		jsontext_string(&j, "k", text);
		jsontext_int(&j, "n", round);
		jsontext_close(&j, '}');
		root = read_back(&j);
		assert_int_equal(json_integer_value(json_object_get(root, "n")), round);
	}
}

/* What would be null has no key; an element of an array keeps its place. */
static void without_nulls(void **state)
{
	struct jsontext j = { .no_nulls = true };
	_cleanup_free_ char *text = NULL;

	(void)state;
	jsontext_open(&j, NULL, '{');
	jsontext_null(&j, "none");
	jsontext_int(&j, "one", 1);
	jsontext_real(&j, "nan", NAN);
	jsontext_open(&j, "list", '[');
	jsontext_null(&j, NULL);
	jsontext_close(&j, ']');
	jsontext_close(&j, '}');
	text = jsontext_take(&j);
	assert_string_equal(text, "{\"one\":1,\"list\":[null]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(without_nulls),
		cmocka_unit_test(strings),
		cmocka_unit_test(random_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("proto/jsontext", tests, NULL, NULL);
}
