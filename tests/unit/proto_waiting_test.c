/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/client.h"
#include "proto/doing.h"
#include "proto/waiting.h"

#include "base/cleanup.h"
#include "fake_divvyd.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* A process that listens at a socket, and takes no connection. It ends by close_rig(). */
struct rig {
	char dir[32], path[64];
	pid_t pid;
	int fd; /* connected, with nothing sent */
};

static void open_rig(struct rig *r)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int ready[2];
	char c;

	strcpy(r->dir, "/tmp/divvy-wait-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/divvy.sock", r->dir);
	strcpy(addr.sun_path, r->path);
	assert_int_equal(pipe(ready), 0);
	r->pid = fork();
	if (r->pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0 &&
		    write(ready[1], "r", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(r->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

static void close_rig(struct rig *r)
{
	if (r->pid) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	close(r->fd);
	doing_close();
	unlink(r->path);
	assert_int_equal(rmdir(r->dir), 0); /* doing.h leaves nothing */
}

static void expect_words(const struct rig *r, const char *words)
{
	char text[256], head[80];

	waiting_explain(r->fd, r->path, 7, text, sizeof(text));
	snprintf(head, sizeof(head), "no answer from divvyd (process %d) in 7 s: ", r->pid);
	if (strncmp(text, head, strlen(head)) || !strstr(text, words))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", text, head, words);
}

static void test_busy(void **state)
{
	struct rig r = { 0 };

	(void)state;
	open_rig(&r);
	expect_words(&r, "it has taken the request, and waits");
	assert_int_equal(send(r.fd, "a", 1, 0), 1);
	expect_words(&r, "it does not say why");
	assert_int_equal(doing_open(r.path), 0);
	expect_words(&r, "it does not say why");
	doing_begin("apply", 4711);
	expect_words(&r, "s with \"apply\" for process 4711");
	doing_begin("set", getpid());
	expect_words(&r, "it has been at work on this request for 0.");
	doing_begin("changes on this host", 0);
	expect_words(&r, "s with changes on this host");
	doing_end();
	expect_words(&r, "it does not say why");
	close_rig(&r);
}

static void test_stopped_and_gone(void **state)
{
	struct rig r = { 0 };
	char text[256];
	pid_t pid;

	(void)state;
	open_rig(&r);
	kill(r.pid, SIGSTOP);
	assert_int_equal(waitpid(r.pid, NULL, WUNTRACED), r.pid);
	expect_words(&r, "it is stopped (kill -CONT ");
	pid = r.pid;
	kill(r.pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect_words(&r, "it has ended (systemctl start divvyd)");
	r.pid = 0;
	waiting_explain(-1, r.path, 7, text, sizeof(text));
	assert_string_equal(text, "divvyd has taken no connection in 7 s: it does not say why (journalctl -u divvyd)");
	close_rig(&r);
}

/* A line is replaced by a shorter one as a whole; what is no line is refused. */
static void test_doing(void **state)
{
	struct rig r = { 0 };
	struct doing d;
	char path[80];
	FILE *f;

	(void)state;
	open_rig(&r);
	assert_int_equal(doing_read(r.path, &d), -ENOENT);
	assert_int_equal(doing_open(r.path), 0);
	doing_begin("a name of 23 characters.", 2147483647);
	assert_int_equal(doing_read(r.path, &d), 0);
	assert_string_equal(d.what, "a name of 23 characters");
	assert_int_equal(d.by, 2147483647);
	doing_begin("set", 1);
	assert_int_equal(doing_read(r.path, &d), 0);
	assert_string_equal(d.what, "set");
	assert_int_equal(d.by, 1);
	assert_true(d.since_ns > 0);
	snprintf(path, sizeof(path), "%s" DOING_SUFFIX, r.path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("hello\n", f);
	fclose(f);
	assert_int_equal(doing_read(r.path, &d), -EBADMSG);
	close_rig(&r);
}

/* The client gives up, also on a divvyd that takes no connection. */
static void test_gives_up(void **state)
{
	struct rig r = { 0 };
	json_t *result = NULL;
	struct spec_error err;
	struct client c = { .fd = -1 }, more[8];
	size_t n = 0;
	int left = -1;

	(void)state;
	open_rig(&r);
	setenv(PROTO_SOCKET_ENV, r.path, 1);
	client_give_up_after(1);
	assert_int_equal(client_once("status", NULL, &result, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, " in 1 s: "));
	/* The queue of listen(2) is full: connect(2) waits. */
	while (n < ARRAY_SIZE(more) && (left = client_open(&c, &err)) == 0)
		more[n++] = c;
	assert_int_equal(left, -ETIMEDOUT);
	assert_non_null(strstr(err.text, "divvyd has taken no connection in 1 s: "));
	while (n > 0)
		client_closep(&more[--n]);
	client_give_up_after(CLIENT_TIMEOUT_S);
	unsetenv(PROTO_SOCKET_ENV);
	close_rig(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_stopped_and_gone),
		cmocka_unit_test(test_doing),
		cmocka_unit_test(test_gives_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
