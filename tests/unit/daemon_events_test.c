/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Events as lines: what they hold, how many are kept, and what a watcher that was overtaken has missed. */

#include "daemon/state/events.h"

#include "proto/proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct events *events;
static unsigned int heard;
static char lines[64 * 1024];

static void on_heard(void *arg)
{
	(void)arg;
	heard++;
}

static int set_up(void **state)
{
	(void)state;
	heard = 0;
	events = events_new(on_heard, NULL);
	event_listen(events_add, events);
	return events ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	event_listen(NULL, NULL);
	events = events_free(events);
	return 0;
}

static void tell(int n)
{
	for (int i = 0; i < n; i++)
		event_tell(&(struct event){ .kind = EVENT_BIND, .priority = EVENT_UNLOGGED, .device = "web" }, "number %d",
			   i);
}

static size_t count_lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* All that w can take now; how many lines. */
static size_t take_all(struct watcher *w)
{
	size_t n = 0, len;

	while ((len = events_take(w, lines, sizeof(lines)))) {
		assert_int_equal(len, strlen(lines));
		assert_int_equal(lines[len - 1], '\n');
		n += count_lines(lines);
	}
	return n;
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static void test_line(void **state)
{
	const struct event e = { .kind = EVENT_NOT_DIVIDED,
				 .priority = EVENT_UNLOGGED,
				 .device = "a/we\x1b[1m\"b",
				 .uplink = "eth0",
				 .fields = { { "by", "filter \xff", 0 }, { "percent", NULL, 97 } } };
	struct watcher w = { 0 };
	json_auto_t *j = NULL;
	struct spec_error err;
	struct timespec now;
	struct tm utc = { 0 };
	char *end;

	(void)state;
	assert_int_equal(events_watch(events, 7, &w), 0);
	assert_false(events_left(&w));
	event_tell(&e, "%s\n", "keeps\x1b[2J all");
	assert_true(events_left(&w));
	assert_int_not_equal(events_take(&w, lines, sizeof(lines)), 0);
	assert_int_equal(proto_parse_event(lines, strlen(lines) - 1, 7, &j, &err), 0);
	assert_string_equal(json_string_value(json_object_get(j, "event")), "not-divided");
	assert_string_equal(json_string_value(json_object_get(j, "device")), "a/we\\x1b[1m\"b");
	assert_string_equal(json_string_value(json_object_get(j, "uplink")), "eth0");
	assert_true(json_is_null(json_object_get(j, "nic")));
	assert_string_equal(json_string_value(json_object_get(j, "by")), "filter \\xff");
	assert_int_equal(number(j, "percent"), 97);
	assert_int_equal(number(j, "number"), 1);
	assert_string_equal(json_string_value(json_object_get(j, "text")), "keeps\\x1b[2J all\\x0a");
	/* Both times are now, and the same moment. */
	clock_gettime(CLOCK_REALTIME, &now);
	assert_in_range(number(j, "realtime_ns"), (now.tv_sec - 60) * 1000000000LL, (now.tv_sec + 1) * 1000000000LL);
	end = strptime(json_string_value(json_object_get(j, "time")), "%Y-%m-%dT%H:%M:%S", &utc);
	assert_non_null(end);
	assert_int_equal(timegm(&utc), number(j, "realtime_ns") / 1000000000);
	assert_int_equal(end[0], '.');
	assert_int_equal(strtol(end + 1, &end, 10), number(j, "realtime_ns") % 1000000000 / 1000);
	assert_string_equal(end, "Z");
	events_leave(&w);
}

/* What no client watches is not kept; each has what comes after it. */
static void test_watchers(void **state)
{
	struct watcher a = { 0 }, b = { 0 };

	(void)state;
	assert_false(events_watched(events));
	tell(5);
	assert_int_equal(heard, 0);
	assert_int_equal(events_watch(events, 1, &a), 0);
	assert_true(events_watched(events));
	tell(2);
	assert_int_equal(events_watch(events, 9, &b), 0);
	tell(3);
	assert_int_equal(heard, 5);
	assert_int_equal(take_all(&b), 3);
	assert_non_null(strstr(lines, "\"id\":9,"));
	assert_non_null(strstr(lines, "\"number\":10,"));
	assert_int_equal(take_all(&a), 5);
	assert_non_null(strstr(lines, "\"id\":1,"));
	events_leave(&a);
	events_leave(&a);
	tell(1);
	assert_int_equal(take_all(&b), 1);
	events_leave(&b);
	assert_false(events_watched(events));
	assert_int_equal(events_watch(events, 1, &a), 0);
	assert_int_equal(take_all(&a), 0);
	events_leave(&a);
}

/* Whole lines only, and the rest the next time. */
static void test_small_buffer(void **state)
{
	struct watcher w = { 0 };
	size_t taken = 0;

	(void)state;
	assert_int_equal(events_watch(events, 1, &w), 0);
	tell(1000);
	while (events_left(&w)) {
		size_t len = events_take(&w, lines, EVENTS_LINE_MAX);

		assert_in_range(len, 1, EVENTS_LINE_MAX - 1);
		assert_int_equal(lines[len - 1], '\n');
		taken += count_lines(lines);
	}
	assert_int_equal(taken, 1000);
	events_leave(&w);
}

static void assert_missed(const struct watcher *w, json_int_t n)
{
	char line[EVENTS_LINE_MAX];
	json_auto_t *j = NULL;
	struct spec_error err;

	assert_true(events_overtaken(w));
	assert_int_equal(events_missed(w, line), n);
	assert_int_equal(proto_parse_event(line, strlen(line) - 1, w->id, &j, &err), 0);
	assert_string_equal(json_string_value(json_object_get(j, "event")), "missed");
	assert_int_equal(number(j, "count"), n);
}

static void test_overtaken(void **state)
{
	struct watcher slow = { 0 }, quick = { 0 };

	(void)state;
	assert_int_equal(events_watch(events, 1, &slow), 0);
	assert_int_equal(events_watch(events, 2, &quick), 0);
	tell(10);
	assert_int_equal(take_all(&quick), 10);
	tell(EVENTS_KEPT - 10);
	/* All that are kept, and not one too many. */
	assert_false(events_overtaken(&slow));
	assert_int_equal(take_all(&slow), EVENTS_KEPT);
	tell(EVENTS_KEPT);
	assert_false(events_overtaken(&slow));
	assert_true(events_overtaken(&quick));
	assert_missed(&quick, EVENTS_KEPT - 10 + EVENTS_KEPT);
	tell(1);
	assert_missed(&slow, EVENTS_KEPT + 1);
	events_leave(&slow);
	events_leave(&quick);
}

/* Long ones are kept by their bytes. */
static void test_bytes(void **state)
{
	char text[EVENT_TEXT_SIZE];
	const struct event e = {
		.kind = EVENT_WARNING, .priority = EVENT_UNLOGGED, .device = text, .uplink = text, .nic = text
	};
	struct watcher w = { 0 };
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(events_watch(events, 1, &w), 0);
	for (n = 0; !events_overtaken(&w) && n < EVENTS_KEPT; n++)
		event_tell(&e, "%s", text);
	assert_in_range(n * 4 * sizeof(text), EVENTS_BYTES * 9 / 10, EVENTS_BYTES);
	events_leave(&w);
}

/* What cannot be a line is missed by all that had not come so far; the next one counts again. */
static void test_too_long(void **state)
{
	static char name[EVENTS_LINE_MAX];
	struct watcher w = { 0 };

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(events_watch(events, 1, &w), 0);
	tell(3);
	event_tell(&(struct event){ .kind = EVENT_BIND, .priority = EVENT_UNLOGGED, .device = name }, "long");
	tell(2);
	assert_missed(&w, 6);
	assert_int_equal(events_watch(events, 1, &w), 0);
	tell(2);
	assert_int_equal(take_all(&w), 2);
	events_leave(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watchers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_buffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_overtaken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
