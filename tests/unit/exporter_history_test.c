/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the exporter keeps (history.h), whom it answers (origin.h), and its page (page.h). */
#include "exporter/history.h"
#include "exporter/origin.h"
#include "exporter/page.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* One uplink, its devices each with 2,000 kbit/s entitled; delivered in kbit/s, negative: null. */
static void add(struct history *h, uint64_t step, const char *device, int delivered)
{
	json_auto_t *j = json_pack("{s:I,s:[{s:s,s:i,s:i,s:[{s:s,s:s,s:i,s:o}]}]}", "monotonic_ns",
				   (json_int_t)(step * HISTORY_STEP_NS + 5), "uplinks", "name", "up", "capacity_bps", 9000000,
				   "delivered_bps", 1000000, "devices", "name", device, "state", "bound", "entitled_bps", 2000000,
				   "delivered_bps", delivered < 0 ? json_null() : json_integer(delivered * 1000));

	assert_non_null(j);
	history_add(h, j);
}

static json_t *written(const struct history *h)
{
	struct text out = { 0 };
	json_t *j;

	history_write(h, &out);
	j = json_loadb(out.buf, out.len, 0, NULL);
	text_free(&out);
	assert_non_null(j);
	return j;
}

static const json_t *delivered(const json_t *j, const char *device)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(j, "series"), i, s)
		if (strcmp(json_string_value(json_object_get(s, "device")), device) == 0)
			return json_object_get(s, "delivered_kbps");
	return NULL;
}

/* What is received is a series of its own, where it is divided. */
static void test_received(void **state)
{
	struct history *h = history_new();
	json_auto_t *j = json_loads("{\"monotonic_ns\":5,\"uplinks\":[{\"name\":\"up\",\"capacity_bps\":9000,\"rx\":{"
				    "\"capacity_bps\":8000},\"devices\":[{\"name\":\"a\",\"state\":\"bound\",\"delivered_bps\":1000,"
				    "\"rx\":{\"state\":\"bound\",\"delivered_bps\":2000}},{\"name\":\"b\",\"state\":\"bound\","
				    "\"delivered_bps\":3000,\"rx\":{\"state\":\"waiting\",\"delivered_bps\":0}}]}]}", 0, NULL);
	static const struct {
		const char *device, *direction;
		int kbps; /* -1: null */
	} expected[] = { { "", "rx", -1 }, { "", "tx", -1 }, { "a", "rx", 2 }, { "a", "tx", 1 }, { "b", "tx", 3 } };
	json_auto_t *out = NULL;
	const json_t *list;

	(void)state;
	assert_non_null(j);
	history_add(h, j);
	out = written(h);
	list = json_object_get(out, "series");
	assert_int_equal(json_array_size(list), ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const json_t *s = json_array_get(list, i), *v = json_array_get(json_object_get(s, "delivered_kbps"), HISTORY_STEPS - 1);

		assert_string_equal(json_string_value(json_object_get(s, "device")), expected[i].device);
		assert_string_equal(json_string_value(json_object_get(s, "direction")), expected[i].direction);
		assert_int_equal(json_is_null(v) ? -1 : json_integer_value(v), expected[i].kbps);
	}
	history_free(h);
}

static void expect(const struct history *h, const char *device, size_t back, int kbps)
{
	json_auto_t *j = written(h);
	const json_t *list = delivered(j, device), *v = json_array_get(list, HISTORY_STEPS - 1 - back);

	assert_int_equal(json_array_size(list), HISTORY_STEPS);
	if (kbps < 0)
		assert_true(json_is_null(v));
	else
		assert_int_equal(json_integer_value(v), kbps);
}

static void test_history(void **state)
{
	struct history *h = history_new();
	json_auto_t *j = NULL;

	(void)state;
	add(h, 1000, "web", 5);
	add(h, 1000, "web", 6); /* the latest of a step counts */
	expect(h, "web", 0, 6);
	expect(h, "web", 1, -1);
	add(h, 1003, "web", -1);
	expect(h, "web", 0, -1);
	expect(h, "web", 1, -1);
	expect(h, "web", 3, 6);
	add(h, 1004, "db", 7); /* web is gone, and remembered */
	expect(h, "web", 4, 6);
	expect(h, "web", 0, -1);
	expect(h, "db", 0, 7);
	add(h, 900, "db", 1); /* time does not go back */
	expect(h, "db", 0, 7);
	/* A lap later nothing of the lap before is left. */
	add(h, 1004 + HISTORY_STEPS - 1, "db", 8);
	expect(h, "db", HISTORY_STEPS - 1, 7);
	add(h, 1004 + HISTORY_STEPS, "db", 9);
	expect(h, "db", HISTORY_STEPS - 1, -1);
	expect(h, "db", 1, 8);
	j = written(h);
	assert_null(delivered(j, "web"));
	history_free(h);
}

/* Names that the guest chose. */
static void test_history_names(void **state)
{
	struct history *h = history_new();

	(void)state;
	add(h, 1, "\"],<script>\\\"\n", 3);
	expect(h, "\"],<script>\\\"\n", 0, 3);
	history_free(h);
}

static void test_history_many(void **state)
{
	struct history *h = history_new();
	char name[32];

	(void)state;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "vm%d", (i * 7) % 300);
			add(h, 50 + (uint64_t)round, name, i + round);
		}
	snprintf(name, sizeof(name), "vm%d", (5 * 7) % 300);
	expect(h, name, 0, 7);
	expect(h, name, 2, 5);
	history_free(h);
}

static void test_origin(void **state)
{
	static const char *const names[] = { "mon.example.org", "10.0.0.7" };
	static const struct {
		const char *host;
		bool allowed;
	} cases[] = {
		{ "localhost", true },	     { "LOCALHOST:9755", true }, { "127.0.0.1:9755", true },
		{ "127.8.7.6", true },	     { "[::1]", true },		 { "[::1]:80", true },
		{ "mon.example.org:443", true }, { "10.0.0.7", true },	 { NULL, false },
		{ "", false },		     { ":80", false },		 { "evil.example", false },
		{ "localhost.evil.example", false }, { "127.0.0.1.evil.example", false }, { "localhost:80:80", false },
		{ "localhost:x", false },    { "[::1", false },		 { "[::1]x", false },
		{ "10.0.0.8", false },	     { "xmon.example.org", false }, { "localhost@evil.example", false },
		{ "128.0.0.1", false },	     { "[::2]", false },
	};
	char longest[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (origin_is_allowed(cases[i].host, names, ARRAY_SIZE(names)) != cases[i].allowed)
			fail_msg("%s", cases[i].host ?: "NULL");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(origin_is_allowed(longest, names, 2));
}

/* One document, which fetches nothing from elsewhere; only what has the nonce is obeyed. */
static void test_page(void **state)
{
	struct text out = { 0 };

	(void)state;
	page_write("0123456789abcdef0123456789abcdef", &out);
	text_put(&out, "", 1);
	assert_false(out.failed);
	assert_non_null(strstr(out.buf, "<script nonce=\"0123456789abcdef0123456789abcdef\">"));
	assert_non_null(strstr(out.buf, "\"use strict\";"));
	assert_non_null(strstr(out.buf, "prefers-color-scheme: dark"));
	assert_null(strstr(out.buf, "@NONCE@"));
	assert_null(strstr(out.buf, "@JS@"));
	for (char *at = out.buf; (at = strstr(at, "://")); at++) /* the SVG namespace is a name, and is not fetched */
		assert_true(strncmp(at, "://www.w3.org/2000/svg", 22) == 0);
	assert_null(strstr(out.buf, "innerHTML"));
	text_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_history), cmocka_unit_test(test_history_names), cmocka_unit_test(test_history_many),
		cmocka_unit_test(test_origin),	cmocka_unit_test(test_page),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
