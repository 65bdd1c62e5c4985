/* SPDX-License-Identifier: GPL-2.0-or-later */

/* divvy-exporter's HTTP server, and clients that keep connections or read nothing: no other client is kept out. */

#include "exporter/listen.h"
#include "exporter/web.h"

#include "base/cleanup.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY (4 * 1024 * 1024) /* of an answer, bytes; at least */
#define CLIENTS 24

static json_t *status; /* what divvyd says */

/* Instead of exporter/feed.c's. */
void __wrap_feed_read(struct feed *f, bool brief, struct feed_reading *out);
void __wrap_feed_read(struct feed *f, bool brief, struct feed_reading *out)
{
	(void)f, (void)brief;
	*out = (struct feed_reading){ .status = status };
}

struct rig {
	char dir[32], path[64];
	struct web *web;
};

static int set_up(void **state)
{
	static struct rig rig;
	char *large = malloc(BODY + 1), errtext[320];
	int fd;

	assert_non_null(large);
	memset(large, 'x', BODY);
	large[BODY] = '\0';
	status = json_pack("{s:s}", "large", large);
	free(large);
	assert_non_null(status);
	strcpy(rig.dir, "/tmp/divvy-web-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	snprintf(rig.path, sizeof(rig.path), "%s/http", rig.dir);
	fd = listen_open(rig.path, errtext, sizeof(errtext));
	assert_true(fd >= 0);
	rig.web = web_open(fd, &(struct web_config){ 0 });
	assert_non_null(rig.web);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	web_close(r->web);
	json_decref(status);
	unlink(r->path);
	return rmdir(r->dir);
}

static int join(struct rig *r)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", r->path);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int ask(struct rig *r)
{
	int fd = join(r);

	say(fd, "GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
	return fd;
}

static void serve(struct rig *r)
{
	for (int i = 0; i < 20; i++)
		web_run(r->web);
}

/* The server works until the answer begins. Its status; 0: it has closed the connection instead. */
static int answer_of(struct rig *r, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char head[64] = "";
	int code = 0;

	for (int i = 0; i < 1000 && !p.revents; i++) {
		web_run(r->web);
		poll(&p, 1, 5);
	}
	if (recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		assert_int_equal(sscanf(head, "HTTP/1.1 %d", &code), 1);
	return code;
}

static bool is_connected(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 0;
}

/* How many are; all are closed. */
static int leave_all(const int *fd, int n)
{
	int connected = 0;

	for (int i = 0; i < n; i++) {
		connected += is_connected(fd[i]);
		close(fd[i]);
	}
	return connected;
}

static void slow_readers(void **state)
{
	struct rig *r = *state;
	int fd[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = ask(r);
		assert_int_equal(answer_of(r, fd[i]), 200);
	}
	/* Each has a body of BODY to twice as much before it. */
	assert_true(is_connected(fd[CLIENTS - 1]));
	assert_in_range(leave_all(fd, CLIENTS), WEB_UNSENT_MAX / BODY / 2, WEB_UNSENT_MAX / BODY + 1);
}

/* Of clients that say nothing, or never end a request, and of those with an answer before them. */
static void all_places(void **state)
{
	static const char *const held[] = { "", "GET / HTTP/1.1\r\nHost: local", "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n" };
	struct rig *r = *state;

	for (size_t h = 0; h < sizeof(held) / sizeof(held[0]); h++) {
		int fd[2 * WEB_CONNECTIONS], one;

		for (int i = 0; i < 2 * WEB_CONNECTIONS; i++) {
			fd[i] = join(r);
			say(fd[i], held[h]);
			serve(r);
		}
		one = ask(r);
		assert_int_equal(answer_of(r, one), 200);
		close(one);
		assert_int_equal(leave_all(fd, 2 * WEB_CONNECTIONS), WEB_CONNECTIONS - 1);
		serve(r);
	}
}

/* A client that asks from time to time stays, however old its connection is. */
static void one_that_asks(void **state)
{
	static const char request[] = "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct rig *r = *state;
	int fd[3 * WEB_CONNECTIONS], one = join(r);

	for (int i = 0; i < 3 * WEB_CONNECTIONS; i++) {
		char answer[1024];

		fd[i] = join(r);
		if (i % 16 == 0) {
			say(one, request);
			assert_int_equal(answer_of(r, one), 404);
			assert_true(recv(one, answer, sizeof(answer), 0) > 0);
		}
		serve(r);
	}
	assert_true(is_connected(one));
	assert_int_equal(leave_all(fd, 3 * WEB_CONNECTIONS), WEB_CONNECTIONS - 1);
	close(one);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slow_readers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_asks, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
