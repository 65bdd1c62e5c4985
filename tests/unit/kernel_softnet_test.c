// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's count of packets, of files as the kernel writes them, with few CPUs and many. */
#include "kernel/proc/softnet.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

/* A file with this text. */
static int file_of(const char *text)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fputs(text, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	assert_true(fd >= 0);
	return fd;
}

static void test_sum(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint32_t want;
	} cases[] = {
		{ "0000000a 00000001 00000002\n", 0, 10 },
		{ "0000000a 00000001\n000000f0 00000001\n", 0, 250 },
		{ "ffffffff 00000001\n00000003 00000001\n", 0, 2 }, /* it wraps */
		{ "DEADBEEF 00000000\n", 0, 0xdeadbeef },
		{ "", -EBADMSG, 0 },
		{ "cpu0 1\n", -EBADMSG, 0 },
		{ " 00000001\n", -EBADMSG, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = file_of(cases[i].text);
		uint32_t got = 77;

		assert_int_equal(softnet_received(fd, &got), cases[i].error);
		assert_int_equal(got, cases[i].error ? 77 : cases[i].want);
		close(fd);
	}
}

/* 1,000 CPUs: 136 kB, read in pieces, and again from the start. */
static void test_many_cpus(void **state)
{
	static char text[1000 * 136 + 1];
	uint32_t got = 0;
	char *at = text;
	int fd;

	(void)state;
	for (uint32_t cpu = 0; cpu < 1000; cpu++) {
		at += sprintf(at, "%08x", cpu);
		for (int i = 0; i < 14; i++)
			at += sprintf(at, " %08x", 0xffffffffU);
		*at++ = '\n';
	}
	*at = '\0';
	fd = file_of(text);
	for (int i = 0; i < 3; i++) {
		got = 0;
		assert_int_equal(softnet_received(fd, &got), 0);
		assert_int_equal(got, 999 * 1000 / 2);
	}
	close(fd);
}

static void test_kernel(void **state)
{
	uint32_t first, second;
	int fd = softnet_open();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(softnet_received(fd, &first), 0);
	assert_int_equal(softnet_received(fd, &second), 0);
	assert_true(second - first < UINT32_MAX / 2);
	close(fd);
	assert_int_equal(softnet_received(fd, &first), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_kernel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel/proc/softnet", tests, NULL, NULL);
}
