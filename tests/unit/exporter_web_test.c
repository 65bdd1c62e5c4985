/* SPDX-License-Identifier: GPL-2.0-or-later */

/* divvy-exporter's HTTP server and clients that read nothing: what waits for them has a bound. */

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

static int ask(struct rig *r)
{
	static const char request[] = "GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", r->path);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	return fd;
}

/* The server works until the answer begins. Its status. */
static int answer_of(struct rig *r, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char head[64] = "";
	int code = 0;

	for (int i = 0; i < 1000 && !p.revents; i++) {
		web_run(r->web);
		poll(&p, 1, 5);
	}
	assert_true(recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT) > 0);
	assert_int_equal(sscanf(head, "HTTP/1.1 %d", &code), 1);
	return code;
}

static void slow_readers(void **state)
{
	struct rig *r = *state;
	int fd[CLIENTS], answered = 0, code = 0;

	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = ask(r);
		code = answer_of(r, fd[i]);
		answered += code == 200;
		assert_true(code == 200 || code == 503);
	}
	/* Each has a body of BODY to twice as much before it. */
	assert_in_range(answered, WEB_UNSENT_MAX / BODY / 2, WEB_UNSENT_MAX / BODY + 1);
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
	for (int i = 0; i < 100 && code != 200; i++) {
		int again = ask(r);

		code = answer_of(r, again);
		close(again);
	}
	assert_int_equal(code, 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slow_readers, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
