/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lockfile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static char dir[32], path[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/divvy-lock-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/netns-1.lock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir); /* fails where a file is left */
}

static void test_take_and_drop(void **state)
{
	pid_t holder = 1;
	int fd = lockfile_take(path, &holder);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(holder, 0);
	assert_int_equal(lockfile_take(path, &holder), -EWOULDBLOCK);
	assert_int_equal(holder, getpid());
	assert_int_equal(lockfile_take(path, NULL), -EWOULDBLOCK);
	lockfile_drop(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	lockfile_drop(path, -1);
	fd = lockfile_take(path, NULL);
	assert_true(fd >= 0);
	lockfile_drop(path, fd);
}

/* The holder removes the file while another process opens it: the other one's lock would be of no file. */
static void test_two_at_once(void **state)
{
	int fd, late;

	(void)state;
	fd = lockfile_take(path, NULL);
	unlink(path);
	late = lockfile_take(path, NULL);
	assert_true(late >= 0);
	lockfile_drop(path, fd); /* another one's by now: it stays */
	assert_int_equal(lockfile_take(path, NULL), -EWOULDBLOCK);
	lockfile_drop(path, late);
}

/* Many take and drop one lock: never two at a time. */
static void test_race(void **state)
{
	char token[64];
	pid_t child[8];

	(void)state;
	snprintf(token, sizeof(token), "%s/token", dir);
	for (size_t i = 0; i < ARRAY_SIZE(child); i++) {
		child[i] = fork();
		if (child[i])
			continue;
		for (int n = 0; n < 300;) {
			int fd = lockfile_take(path, NULL), t;

			if (fd < 0)
				continue;
			t = open(token, O_CREAT | O_EXCL | O_WRONLY, 0600);
			if (t < 0)
				_exit(1);
			close(t);
			unlink(token);
			lockfile_drop(path, fd);
			n++;
		}
		_exit(0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(child); i++) {
		int status;

		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
}

static void touch(const char *name)
{
	char at[96];

	snprintf(at, sizeof(at), "%s/%s", dir, name);
	close(open(at, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void test_sweep(void **state)
{
	char other[64];
	int fd = lockfile_take(path, NULL);

	(void)state;
	touch("netns-2.lock");
	touch("netns-3.lock");
	touch("other.lock");
	assert_int_equal(lockfile_sweep(dir, "netns-", ".lock"), 2);
	assert_int_equal(lockfile_sweep(dir, "netns-", ".lock"), 0);
	assert_int_equal(lockfile_sweep("/nonexistent", "netns-", ".lock"), 0);
	assert_int_equal(lockfile_take(path, NULL), -EWOULDBLOCK);
	snprintf(other, sizeof(other), "%s/other.lock", dir);
	assert_int_equal(unlink(other), 0);
	lockfile_drop(path, fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_drop),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_sweep),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
