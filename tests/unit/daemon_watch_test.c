/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One connection that watches: events follow the answer, and a reader that does not keep up is told so and cut off. */

#include "daemon/state/events.h"
#include "daemon/control/peer.h"

#include "base/cleanup.h"
#include "proto/proto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct daemon d;
static struct peer *peer;
static int client;
static bool news;
static char said[4 * 1024 * 1024];
static size_t said_len;

static void on_event(void *arg)
{
	(void)arg;
	news = true;
}

static void on_over(struct peer *p, void *arg)
{
	(void)arg;
	assert_ptr_equal(p, peer);
	peer_close(p, NULL);
	peer = NULL;
}

static void on_output(void *arg)
{
	(void)arg;
}

static int set_up(void **state)
{
	static const struct peer_caller who = { .cred = { .pid = 1, .uid = 65534 } };
	const struct peer_owner owner = { on_over, on_output, NULL };
	int fd[2];

	(void)state;
	d = (struct daemon){ 0 };
	said_len = 0;
	news = false;
	if (sd_event_new(&d.event) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	d.events = events_new(on_event, NULL);
	event_listen(events_add, d.events);
	client = fd[1];
	peer = peer_open(&d, fd[0], &who, &owner);
	return d.events && peer ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	if (peer)
		peer_close(peer, NULL);
	peer = NULL;
	close(client);
	event_listen(NULL, NULL);
	events_free(d.events);
	sd_event_unref(d.event);
	return 0;
}

/* The event loop until nothing is left to do, and control.c's part. */
static void turn(void)
{
	do {
		if (news && peer)
			peer_heard(peer);
		news = false;
	} while (sd_event_run(d.event, 0) > 0);
}

static void ask(const char *request)
{
	assert_int_equal(send(client, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	turn();
}

/* All that the client can read now. True: and then the end. */
static bool hear(void)
{
	for (;;) {
		ssize_t n = recv(client, said + said_len, sizeof(said) - 1 - said_len, MSG_DONTWAIT);

		turn();
		if (n <= 0) {
			said[said_len] = '\0';
			return n == 0;
		}
		said_len += (size_t)n;
	}
}

static void tell(int n)
{
	for (int i = 0; i < n; i++)
		event_tell(&(struct event){ .kind = EVENT_BIND, .priority = EVENT_UNLOGGED, .device = "web" }, "number %d",
			   i);
	turn();
}

#define WATCH "{\"version\":1,\"id\":7,\"verb\":\"watch\"}\n"

/* Lines that the client has: an answer to 7, then events by number, whole; *last: the last line. */
static size_t read_events(json_t **last)
{
	size_t n = 0;

	for (char *line = said, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_auto_t *j = json_loadb(line, (size_t)(end - line), 0, NULL);

		assert_non_null(j);
		assert_int_equal(json_integer_value(json_object_get(j, "id")), 7);
		if (line == said)
			assert_true(json_is_true(json_object_get(j, "ok")));
		else if (strcmp(json_string_value(json_object_get(j, "event")), "missed") != 0)
			assert_int_equal(json_integer_value(json_object_get(j, "number")), ++n);
		if (last) {
			json_decref(*last);
			*last = json_incref(j);
		}
		if (!end[1])
			return n;
	}
	fail_msg("half a line");
	return 0;
}

static void test_events_follow(void **state)
{
	(void)state;
	ask(WATCH);
	tell(3);
	assert_false(hear());
	assert_int_equal(read_events(NULL), 3);
	/* A client that sends no more still hears. */
	shutdown(client, SHUT_WR);
	turn();
	assert_non_null(peer);
	tell(2000);
	assert_false(hear());
	assert_int_equal(read_events(NULL), 2003);
	close(client);
	turn();
	assert_null(peer);
	assert_false(events_watched(d.events));
	client = -1;
}

/* Requests on the same connection are answered between whole lines. */
static void test_requests_between(void **state)
{
	(void)state;
	ask(WATCH);
	tell(2);
	ask("{\"version\":1,\"id\":8,\"verb\":\"nonsense\"}\n");
	tell(1);
	assert_false(hear());
	assert_non_null(strstr(said, "\n{\"version\":1,\"id\":8,\"ok\":false"));
	assert_non_null(strstr(said, "\"number\":3,"));
	/* From the answer to a later one on, lines bear its id. */
	ask("{\"version\":1,\"id\":9,\"verb\":\"watch\"}\n");
	tell(1);
	assert_false(hear());
	assert_non_null(strstr(said, "\n{\"version\":1,\"id\":9,\"event\":\"bind\",\"number\":4,"));
}

/* It may rest as long as it likes, and is then told all. It costs no memory of divvyd's meanwhile. */
static void test_pause(void **state)
{
	(void)state;
	ask(WATCH);
	for (int i = 0; i < 60; i++)
		tell(100);
	assert_non_null(peer);
	assert_false(peer_is_slow(peer, UINT64_MAX));
	assert_false(peer_has_output(peer));
	assert_false(hear());
	assert_int_equal(read_events(NULL), 6000);
}

static void test_cut_off(void **state)
{
	json_t *last = NULL;
	size_t n;

	(void)state;
	ask(WATCH);
	for (int i = 0; i < 40 && peer; i++)
		tell(500);
	assert_null(peer);
	assert_true(hear());
	n = read_events(&last);
	assert_string_equal(json_string_value(json_object_get(last, "event")), "missed");
	/* None is lost without being counted. */
	assert_int_equal(n + (size_t)json_integer_value(json_object_get(last, "count")) + 1,
			 (size_t)json_integer_value(json_object_get(last, "number")));
	assert_in_range(n, 20, 2000);
	assert_false(events_watched(d.events));
	json_decref(last);
}

/* It makes room for others, and is told why. */
static void test_crowd(void **state)
{
	(void)state;
	ask(WATCH);
	assert_false(peer_waits(peer)); /* no answer is owed to it: it makes room for others as idle clients do */
	peer_close(peer, "make room");
	peer = NULL;
	assert_true(hear());
	assert_non_null(strstr(said, "make room"));
	assert_false(events_watched(d.events));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events_follow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_requests_between, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crowd, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
