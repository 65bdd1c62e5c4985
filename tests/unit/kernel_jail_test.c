/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child of kernel/proc/jail.h may do and may not, and what becomes of children that misbehave. */
#include "kernel/proc/jail.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define SECOND NSEC_PER_SEC

/* Each line that a stage has found wrong, for the test to see. */
struct notes {
	char text[512];
};

static void note(struct notes *n, bool wrong, const char *what)
{
	if (wrong)
		strncat(n->text, what, sizeof(n->text) - strlen(n->text) - 1);
}

static int answer(void *arg, int fd)
{
	const struct notes *n = arg;

	return write(fd, n->text, strlen(n->text) + 1) < 0 ? -errno : 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void assert_answer(int (*read)(void *), int (*parse)(void *, int), const char *want)
{
	struct notes n = { "" };
	const struct jail_job job = { .read = read, .parse = parse, .arg = &n, .patience_ns = 5 * SECOND, .max = 4096 };
	pid_t left = 0;
	void *got = NULL;
	size_t size = 0;

	assert_int_equal(jail_run(&job, &left, &got, &size), 0);
	assert_int_equal(left, 0);
	assert_int_equal(size, strlen(want) + 1);
	assert_string_equal(got, want);
	free(got);
	assert_string_equal(n.text, ""); /* the child has memory of its own */
}

static int assert_fails(int (*read)(void *), int (*parse)(void *, int), uint64_t patience, size_t max)
{
	const struct jail_job job = { .read = read, .parse = parse, .patience_ns = patience, .max = max };
	pid_t left = 0;
	void *got = (void *)0x10;
	size_t size = 99;
	int r = jail_run(&job, &left, &got, &size);

	assert_true(r < 0);
	assert_int_equal(left, 0);
	assert_ptr_equal(got, (void *)0x10);
	assert_int_equal(size, 99);
	return r;
}

static int in_the_first_stage(void *arg)
{
	struct notes *n = arg;
	cap_t caps = cap_get_proc();
	cap_flag_value_t has = CAP_SET;
	int fd = open("/proc/self/stat", O_RDONLY);

	note(n, fd < 0, "opens no file ");
	close(fd);
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++)
		note(n, cap_get_flag(caps, c, CAP_PERMITTED, &has) == 0 && has == CAP_SET, "a capability ");
	for (int i = 0; i < 64; i++)
		note(n, i != 3 && fcntl(i, F_GETFD) >= 0, "a descriptor ");
	note(n, fcntl(3, F_GETFD) < 0, "no pipe ");
	return 0;
}

static int in_the_second_stage(void *arg, int fd)
{
	struct notes *n = arg;
	char c;

	note(n, open("/proc/self/stat", O_RDONLY) >= 0, "open ");
	note(n, syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY) >= 0, "openat ");
	note(n, socket(AF_UNIX, SOCK_STREAM, 0) >= 0, "socket ");
	note(n, fork() >= 0, "fork ");
	note(n, kill(getppid(), 0) == 0, "kill ");
	note(n, ptrace(PTRACE_TRACEME, 0, 0, 0) == 0, "ptrace ");
	note(n, read(fd, &c, 1) >= 0 || errno != EPERM, "read ");
	note(n, fcntl(fd, F_GETFD) >= 0, "fcntl ");
	note(n, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED, "a file's memory ");
	note(n, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "code ");
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	note(n, page == MAP_FAILED, "no memory ");
	note(n, mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0, "code later ");
	note(n, mprotect(page, 4096, PROT_READ) < 0, "no mprotect ");
	return answer(n, fd);
}

static void takes_rights_away(void **state)
{
	int inherited = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	(void)state;
	assert_true(inherited >= 0);
	assert_answer(in_the_first_stage, answer, "");
	assert_answer(nothing, in_the_second_stage, "");
	close(inherited);
}

static int write_much(void *arg, int fd)
{
	static char page[4096];

	(void)arg;
	for (int i = 0; i < 256; i++)
		if (write(fd, page, sizeof(page)) < 0)
			return -errno;
	return 0;
}

static void bounds_the_answer(void **state)
{
	const struct jail_job job = { .read = nothing, .parse = write_much, .patience_ns = 5 * SECOND, .max = 1U << 20 };
	pid_t left = 0;
	void *got = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(jail_run(&job, &left, &got, &size), 0);
	assert_int_equal(size, 1U << 20);
	free(got);
	assert_int_equal(assert_fails(nothing, write_much, 5 * SECOND, (1U << 20) - 1), -EMSGSIZE);
	assert_int_equal(assert_fails(nothing, write_much, 5 * SECOND, 100), -EMSGSIZE);
}

static int sleeps(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int spins(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	for (volatile int i = 0;; i = 1 - i)
		;
	return 0;
}

static void does_not_wait_for_ever(void **state)
{
	uint64_t start = clock_now_ns();

	(void)state;
	assert_int_equal(assert_fails(sleeps, answer, SECOND / 10, 100), -ETIMEDOUT);
	assert_int_equal(assert_fails(nothing, spins, SECOND / 10, 100), -ETIMEDOUT);
	assert_true(clock_now_ns() - start < 5 * SECOND);
}

static int fails(void *arg)
{
	(void)arg;
	return -EINVAL;
}

static int fails_later(void *arg, int fd)
{
	(void)arg;
	return write(fd, "half", 4) == 4 ? -EINVAL : 0;
}

static int dies(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	__builtin_trap();
}

static void believes_no_child_that_failed(void **state)
{
	(void)state;
	assert_int_equal(assert_fails(fails, answer, 5 * SECOND, 100), -EIO);
	assert_int_equal(assert_fails(nothing, fails_later, 5 * SECOND, 100), -EIO);
	assert_int_equal(assert_fails(nothing, dies, 5 * SECOND, 100), -EIO);
}

static void starts_none_beside_one_that_is_left(void **state)
{
	struct notes n = { "" };
	const struct jail_job job = { .read = nothing, .parse = answer, .arg = &n, .patience_ns = SECOND, .max = 100 };
	pid_t child = fork(), left = child;
	void *got = NULL;
	size_t size;

	(void)state;
	if (child == 0)
		for (;;)
			pause();
	assert_int_equal(jail_run(&job, &left, &got, &size), -EBUSY);
	assert_int_equal(left, child);
	kill(child, SIGKILL);
	while (jail_run(&job, &left, &got, &size) == -EBUSY)
		usleep(1000);
	assert_int_equal(left, 0);
	assert_non_null(got);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_rights_away),
		cmocka_unit_test(bounds_the_answer),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(believes_no_child_that_failed),
		cmocka_unit_test(starts_none_beside_one_that_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_jail", tests, NULL, NULL);
}
