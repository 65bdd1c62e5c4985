/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/proto.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define JSON(text) text, sizeof(text) - 1

struct refusal {
	const char *line;
	size_t size;
	int64_t id; /* of a request: what is known of it */
	const char *words;
};

static void test_request(void **state)
{
	static const char line[] =
		"{\"version\":1,\"id\":-7,\"verb\":\"set\",\"args\":{\"web\":40},\"later\":[]}";
	struct proto_request r;
	struct spec_error err;

	(void)state;
	assert_int_equal(proto_parse_request(line, sizeof(line) - 1, &r, &err), 0);
	assert_int_equal(r.id, -7);
	assert_string_equal(r.verb, "set");
	assert_int_equal(json_integer_value(json_object_get(r.args, "web")), 40);
	proto_request_free(&r);
	assert_null(r.args);
}

static void test_request_without_args(void **state)
{
	static const char line[] = "{\"version\":1,\"id\":9223372036854775807,\"verb\":\"status\"}";
	struct proto_request r;
	struct spec_error err;

	(void)state;
	assert_int_equal(proto_parse_request(line, sizeof(line) - 1, &r, &err), 0);
	assert_int_equal(r.id, INT64_MAX);
	assert_int_equal(json_object_size(r.args), 0);
	proto_request_free(&r);
}

static void test_bad_requests(void **state)
{
	static const struct refusal rows[] = {
		{ JSON(""), 0, "not JSON: " },
		{ JSON("hello"), 0, "not JSON: " },
		{ JSON("\0"), 0, "not JSON: " },
		{ JSON("\"\xff\""), 0, "not JSON: " },
		{ JSON("{\"version\":1"), 0, "expected one object" },
		{ JSON("{\"version\":1,\"version\":1}"), 0, "duplicate object key" },
		{ JSON("{\"version\":1,\"id\":1,\"verb\":\"a\"}{"), 0, "not JSON: " },
		{ JSON("[]"), 0, "no JSON object" },
		{ JSON("{}"), 0, "no \"version\" in the message; expected 1" },
		{ JSON("{\"version\":\"1\"}"), 0, "no \"version\"" },
		{ JSON("{\"version\":2,\"id\":7}"), 0, "protocol version 2; expected 1" },
		{ JSON("{\"version\":99999999999999999999}"), 0, "not JSON: " },
		{ JSON("{\"version\":1,\"verb\":\"set\"}"), 0, "no \"id\" in the request" },
		{ JSON("{\"version\":1,\"id\":1.5}"), 0, "no \"id\"" },
		{ JSON("{\"version\":1,\"id\":7}"), 7, "no \"verb\" in the request" },
		{ JSON("{\"version\":1,\"id\":7,\"verb\":\"\"}"), 7, "no \"verb\"" },
		{ JSON("{\"version\":1,\"id\":7,\"verb\":\"a b\"}"), 7, "no \"verb\"" },
		{ JSON("{\"version\":1,\"id\":7,\"verb\":\"abcdefghijklmnopqrstuvwxyzabcdef\"}"), 7,
		  "no \"verb\"" },
		{ JSON("{\"version\":1,\"id\":7,\"verb\":\"set\",\"args\":[]}"), 7, "\"args\" is no object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proto_request r = { .id = 4711, .verb = "untouched", .args = NULL };
		struct spec_error err = { .line = 3, .column = 3 };

		assert_int_equal(proto_parse_request(rows[i].line, rows[i].size, &r, &err), -EPROTO);
		assert_int_equal(r.id, rows[i].id);
		assert_string_equal(r.verb, "untouched");
		assert_null(r.args);
		assert_int_equal(err.line, 0);
		if (!strstr(err.text, rows[i].words))
			fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].line, err.text, rows[i].words);
	}
}

static void test_deep_and_large(void **state)
{
	_cleanup_free_ char *line = malloc(PROTO_LINE_MAX);
	struct proto_request r;
	struct spec_error err;

	(void)state;
	memset(line, '[', PROTO_LINE_MAX);
	assert_int_equal(proto_parse_request(line, PROTO_LINE_MAX - 1, &r, &err), -EPROTO);
	assert_non_null(strstr(err.text, "maximum parsing depth"));
	assert_int_equal(proto_parse_request(line, PROTO_LINE_MAX, &r, &err), -EPROTO);
	assert_string_equal(err.text, "a message of 1048576 bytes; expected fewer than 1048576");
}

static void test_request_round_trip(void **state)
{
	_cleanup_free_ char *line =
		proto_request_line(41, "apply", json_pack("{s:s}", "text", "a\nb\"\xc3\xa4"));
	struct proto_request r;
	struct spec_error err;
	size_t size;

	(void)state;
	assert_non_null(line);
	size = strlen(line);
	assert_ptr_equal(strchr(line, '\n'), line + size - 1);
	assert_int_equal(proto_parse_request(line, size - 1, &r, &err), 0);
	assert_int_equal(r.id, 41);
	assert_string_equal(r.verb, "apply");
	assert_string_equal(json_string_value(json_object_get(r.args, "text")), "a\nb\"\xc3\xa4");
	proto_request_free(&r);
}

static void test_lines(void **state)
{
	static const struct spec_error err = { 3, 9, "unknown key \"shares\"" };
	_cleanup_free_ char *request = proto_request_line(INT64_MIN, "status", NULL);
	_cleanup_free_ char *result = proto_result_line(7, json_pack("{s:i}", "devices", 2));
	_cleanup_free_ char *empty = proto_result_line(8, NULL);
	_cleanup_free_ char *error = proto_error_line(7, &err);

	(void)state;
	assert_string_equal(request,
			    "{\"version\":1,\"id\":-9223372036854775808,\"verb\":\"status\",\"args\":{}}\n");
	assert_string_equal(result, "{\"version\":1,\"id\":7,\"ok\":true,\"result\":{\"devices\":2}}\n");
	assert_string_equal(empty, "{\"version\":1,\"id\":8,\"ok\":true,\"result\":{}}\n");
	assert_string_equal(error, "{\"version\":1,\"id\":7,\"ok\":false,\"error\":{\"line\":3,\"column\":9,"
				   "\"message\":\"unknown key \\\"shares\\\"\"}}\n");
}

static void test_result(void **state)
{
	_cleanup_free_ char *line = proto_result_line(7, json_pack("{s:s}", "a", "b"));
	json_t *result = NULL;
	struct spec_error err;

	(void)state;
	assert_int_equal(proto_parse_answer(line, strlen(line) - 1, 7, &result, &err), 0);
	assert_string_equal(json_string_value(json_object_get(result, "a")), "b");
	json_decref(result);
}

/* The largest answer there is: all the turns that `slots` keeps (CPU_TURNS in slots/slots.h). */
static void test_large_result(void **state)
{
	_cleanup_free_ char *line = NULL;
	json_t *turns = json_array(), *result = NULL;
	struct spec_error err = { 0 };

	(void)state;
	for (int i = 0; i < 65536; i++)
		json_array_append_new(turns,
				      json_pack("{s:I,s:I,s:I,s:I}", "pid", (json_int_t)4194304, "start_ns",
						(json_int_t)INT64_MAX, "end_ns", (json_int_t)INT64_MAX,
						"used_ns", (json_int_t)INT64_MAX));
	line = proto_result_line(7, json_pack("{s:i,s:o}", "version", 1, "turns", turns));
	assert_non_null(line);
	assert_true(strlen(line) > PROTO_LINE_MAX);
	assert_int_equal(proto_parse_answer(line, strlen(line) - 1, 7, &result, &err), 0);
	assert_int_equal(json_array_size(json_object_get(result, "turns")), 65536);
	json_decref(result);
}

static void test_too_large_answer(void **state)
{
	_cleanup_free_ char *line = malloc(PROTO_ANSWER_MAX);
	struct spec_error err;
	json_t *result = NULL;

	(void)state;
	memset(line, ' ', PROTO_ANSWER_MAX);
	assert_int_equal(proto_parse_answer(line, PROTO_ANSWER_MAX - 1, 7, &result, &err), -EPROTO);
	assert_non_null(strstr(err.text, "not JSON"));
	assert_int_equal(proto_parse_answer(line, PROTO_ANSWER_MAX, 7, &result, &err), -EPROTO);
	assert_string_equal(err.text, "a message of 16777216 bytes; expected fewer than 16777216");
}

static void test_error(void **state)
{
	static const struct spec_error said = { 3, 9, "what is wrong" };
	/* A request that could not be read at all is answered with id 0. */
	static const int64_t ids[] = { 7, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		_cleanup_free_ char *line = proto_error_line(ids[i], &said);
		struct spec_error err = { 0 };
		json_t *result = NULL;

		assert_int_equal(proto_parse_answer(line, strlen(line) - 1, 7, &result, &err), -EREMOTEIO);
		assert_null(result);
		assert_int_equal(err.line, 3);
		assert_int_equal(err.column, 9);
		assert_string_equal(err.text, "what is wrong");
	}
}

/* An error's text is not always UTF-8: it may quote anything, or be cut. */
static void test_error_of_any_bytes(void **state)
{
	struct spec_error said = { 0 }, err = { 0 };
	_cleanup_free_ char *line = NULL;
	json_t *result = NULL;

	(void)state;
	memset(said.text, '\xc3', sizeof(said.text));
	memcpy(said.text, "a\x01\xc3\xa4", 4);
	line = proto_error_line(7, &said);
	assert_non_null(line);
	assert_int_equal(proto_parse_answer(line, strlen(line) - 1, 7, &result, &err), -EREMOTEIO);
	assert_memory_equal(err.text, "a\\x01\xc3\xa4\\xc3\\xc3", 15);
	assert_in_range(strlen(err.text), sizeof(err.text) - 8, sizeof(err.text) - 1);
}

static void test_bad_answers(void **state)
{
	static const struct refusal rows[] = {
		{ JSON("oops"), 0, "not JSON" },
		{ JSON("{\"version\":2,\"id\":7,\"ok\":true,\"result\":{}}"), 0,
		  "protocol version 2; expected 1" },
		{ JSON("{\"version\":1,\"ok\":true,\"result\":{}}"), 0, "another request; expected id 7" },
		{ JSON("{\"version\":1,\"id\":8,\"ok\":true,\"result\":{}}"), 0,
		  "another request; expected id 7" },
		{ JSON("{\"version\":1,\"id\":8,\"ok\":false,\"error\":{\"message\":\"a\"}}"), 0,
		  "another request" },
		{ JSON("{\"version\":1,\"id\":7,\"result\":{}}"), 0, "neither result nor error" },
		{ JSON("{\"version\":1,\"id\":7,\"ok\":true}"), 0, "neither result nor error" },
		{ JSON("{\"version\":1,\"id\":7,\"ok\":true,\"result\":3}"), 0, "neither result nor error" },
		{ JSON("{\"version\":1,\"id\":7,\"ok\":false}"), 0, "neither result nor error" },
		{ JSON("{\"version\":1,\"id\":7,\"ok\":false,\"error\":\"a\"}"), 0,
		  "neither result nor error" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *result = NULL;
		struct spec_error err = { 0 };

		assert_int_equal(proto_parse_answer(rows[i].line, rows[i].size, 7, &result, &err), -EPROTO);
		assert_null(result);
		if (!strstr(err.text, rows[i].words))
			fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].line, err.text, rows[i].words);
	}
}

/* Places that do not fit are no places. */
static void test_places(void **state)
{
	static const char line[] = "{\"version\":1,\"id\":7,\"ok\":false,\"error\":"
				   "{\"line\":-1,\"column\":4294967296,\"message\":\"a\"}}";
	struct spec_error err = { 5, 5, "" };
	json_t *result = NULL;

	(void)state;
	assert_int_equal(proto_parse_answer(line, sizeof(line) - 1, 7, &result, &err), -EREMOTEIO);
	assert_int_equal(err.line, 0);
	assert_int_equal(err.column, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_without_args),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_deep_and_large),
		cmocka_unit_test(test_request_round_trip),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_large_result),
		cmocka_unit_test(test_too_large_answer),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_error_of_any_bytes),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_places),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
