/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/client.h"

#include "base/cleanup.h"
#include "fake_divvyd.h"

#include <errno.h>

#define ANSWER(text) .answer = (text), .size = sizeof(text) - 1

static void test_once(void **state)
{
	struct fake_divvyd f = { ANSWER(
		"{\"version\":1,\"id\":1,\"ok\":true,\"result\":{\"devices\":2}}\n") };
	json_auto_t *result = NULL;
	struct spec_error err;

	(void)state;
	fake_start(&f);
	assert_int_equal(client_once("apply", json_pack("{s:s}", "text", "a"), &result, &err), 0);
	fake_stop(&f);
	assert_string_equal(f.request,
			    "{\"version\":1,\"id\":1,\"verb\":\"apply\",\"args\":{\"text\":\"a\"}}");
	assert_int_equal(json_integer_value(json_object_get(result, "devices")), 2);
}

static void test_refused(void **state)
{
	struct fake_divvyd f = { ANSWER("{\"version\":1,\"id\":1,\"ok\":false,\"error\":"
					"{\"line\":3,\"column\":9,\"message\":\"no such key\"}}\n") };
	json_t *result = NULL;
	struct spec_error err;

	(void)state;
	fake_start(&f);
	assert_int_equal(client_once("apply", NULL, &result, &err), -EREMOTEIO);
	fake_stop(&f);
	assert_null(result);
	assert_int_equal(err.line, 3);
	assert_int_equal(err.column, 9);
	assert_string_equal(err.text, "no such key");
}

/* divvyd refuses a user whose request it does not read. */
static void test_refused_unread(void **state)
{
	struct fake_divvyd f = { ANSWER("{\"version\":1,\"id\":0,\"ok\":false,\"error\":"
					"{\"line\":0,\"column\":0,\"message\":\"permission denied\"}}\n"),
				 .deaf = true };
	_cleanup_free_ char *text = malloc(800000);
	json_t *result = NULL;
	struct spec_error err;

	(void)state;
	memset(text, 'a', 800000);
	fake_start(&f);
	assert_int_equal(client_once("apply", json_pack("{s:s%}", "text", text, 800000), &result, &err),
			 -EREMOTEIO);
	fake_stop(&f);
	assert_string_equal(err.text, "permission denied");
}

/* What came behind an answer belongs to the next request. */
static void test_two_answers_at_once(void **state)
{
	struct fake_divvyd f = { ANSWER("{\"version\":1,\"id\":1,\"ok\":true,\"result\":{\"a\":5}}\n"
					"{\"version\":1,\"id\":2,\"ok\":true,\"result\":{\"a\":6}}\n") };
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	struct spec_error err;

	(void)state;
	fake_start(&f);
	assert_int_equal(client_open(&c, &err), 0);
	for (int i = 5; i <= 6; i++) {
		json_auto_t *result = NULL;

		assert_int_equal(client_ask(&c, "status", NULL, &result, &err), 0);
		assert_int_equal(json_integer_value(json_object_get(result, "a")), i);
	}
	fake_stop(&f);
}

static void test_no_answer(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *words;
	} rows[] = {
		{ "", -ECONNRESET, "divvyd closed the connection: " },
		{ "{\"version\":1,", -ECONNRESET, "divvyd closed the connection: " },
		{ "hello\n", -EPROTO, "not JSON" },
		{ "{\"version\":1,\"id\":2,\"ok\":true,\"result\":{}}\n", -EPROTO, "another request" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_divvyd f = { .answer = rows[i].answer, .size = strlen(rows[i].answer) };
		json_t *result = NULL;
		struct spec_error err = { .line = 3, .column = 3 };

		fake_start(&f);
		assert_int_equal(client_once("status", NULL, &result, &err), rows[i].r);
		fake_stop(&f);
		assert_null(result);
		assert_int_equal(err.line, 0);
		assert_int_equal(err.column, 0);
		if (!strstr(err.text, rows[i].words))
			fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].answer, err.text, rows[i].words);
	}
}

static void test_too_long(void **state)
{
	size_t size = PROTO_ANSWER_MAX + 100000;
	_cleanup_free_ char *blanks = malloc(size);
	struct fake_divvyd f = { .answer = blanks, .size = size };
	json_t *result = NULL;
	struct spec_error err;

	(void)state;
	memset(blanks, ' ', size);
	fake_start(&f);
	assert_int_equal(client_once("status", NULL, &result, &err), -EMSGSIZE);
	assert_string_equal(err.text, "the answer is larger than 16 MiB");
	fake_stop(&f);
	f.request[0] = '\0';
	fake_start(&f);
	assert_int_equal(
		client_once("apply", json_pack("{s:s%}", "text", blanks, PROTO_LINE_MAX), &result, &err),
		-EMSGSIZE);
	assert_string_equal(err.text, "the request is larger than 1 MiB");
	fake_stop(&f);
	assert_string_equal(f.request, "");
}

static void test_no_socket(void **state)
{
	char path[200] = "";
	json_t *result = NULL;
	struct spec_error err;
	struct client c = { .fd = -1 };

	(void)state;
	setenv(PROTO_SOCKET_ENV, "/nonexistent/divvy.sock", 1);
	/* The arguments are taken all the same. */
	assert_int_equal(client_once("set", json_pack("{s:i}", "a", 1), &result, &err), -ENOENT);
	assert_string_equal(err.text, "divvyd does not answer at /nonexistent/divvy.sock "
				      "(No such file or directory): systemctl start divvyd");
	memset(path, 'a', sizeof(path) - 1);
	setenv(PROTO_SOCKET_ENV, path, 1);
	assert_int_equal(client_open(&c, &err), -ENAMETOOLONG);
	assert_int_equal(c.fd, -1);
	assert_non_null(strstr(err.text, "socket path is too long: aaa"));
	unsetenv(PROTO_SOCKET_ENV);
}

static void test_events(void **state)
{
	struct fake_divvyd f = { ANSWER("{\"version\":1,\"id\":1,\"ok\":true,\"result\":{}}\n"
					"{\"version\":1,\"id\":1,\"event\":\"bind\",\"nic\":\"tap0\"}\n"
					"{\"version\":1,\"id\":1,\"event\":\"unbind\"}\n"
					"{\"version\":1,\"id\":0,\"ok\":false,\"error\":"
					"{\"line\":0,\"column\":0,\"message\":\"make room\"}}\n") };
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	json_auto_t *result = NULL, *first = NULL, *second = NULL;
	json_t *none = NULL;
	struct spec_error err;

	(void)state;
	fake_start(&f);
	assert_int_equal(client_open(&c, &err), 0);
	assert_int_equal(client_ask(&c, "watch", NULL, &result, &err), 0);
	assert_int_equal(client_next(&c, &first, &err), 0);
	assert_string_equal(json_string_value(json_object_get(first, "nic")), "tap0");
	assert_int_equal(client_next(&c, &second, &err), 0);
	assert_string_equal(json_string_value(json_object_get(second, "event")), "unbind");
	assert_int_equal(client_next(&c, &none, &err), -EREMOTEIO);
	assert_string_equal(err.text, "make room");
	assert_int_equal(client_next(&c, &none, &err), -ECONNRESET);
	assert_null(none);
	fake_stop(&f);
}

static void test_no_event(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} rows[] = {
		{ "hello", "not JSON" },
		{ "{\"version\":2,\"id\":1,\"event\":\"bind\"}", "protocol version" },
		{ "{\"version\":1,\"id\":2,\"event\":\"bind\"}", "another request" },
		{ "{\"version\":1,\"id\":1,\"event\":3}", "no event" },
		{ "{\"version\":1,\"id\":1,\"ok\":true,\"result\":{}}", "no event" },
		{ "{\"version\":1,\"id\":1,\"ok\":false}", "neither result nor error" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spec_error err = { 0 };
		json_t *event = NULL;

		assert_int_equal(proto_parse_event(rows[i].line, strlen(rows[i].line), 1, &event, &err), -EPROTO);
		assert_null(event);
		if (!strstr(err.text, rows[i].words))
			fail_msg("%s: %s", rows[i].line, err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),           cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_unread), cmocka_unit_test(test_two_answers_at_once),
		cmocka_unit_test(test_no_answer),      cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_no_socket),      cmocka_unit_test(test_events),
		cmocka_unit_test(test_no_event),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
