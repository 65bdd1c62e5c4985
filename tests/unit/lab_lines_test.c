/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a program says, cut into lines as it comes through a pipe; and the last line of a file. */

#include "base/cleanup.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct heard {
	char text[200]; /* each line and '|' */
	size_t n, longest;
	unsigned ends;
};

static void said(void *arg, const char *line, uint64_t at_ns)
{
	struct heard *h = arg;
	size_t n = strlen(line);

	assert_true(at_ns > 0 && at_ns <= clock_now_ns());
	h->n++;
	h->longest = n > h->longest ? n : h->longest;
	if (n < 20)
		snprintf(h->text + strlen(h->text), sizeof(h->text) - strlen(h->text), "%s|", line);
}

static void ended(void *arg)
{
	((struct heard *)arg)->ends++;
}

static void tell(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(loop_until(0), 0); /* one round */
}

static void test_lines(void **state)
{
	struct heard h = {};
	struct lines l = { .said = said, .ended = ended, .arg = &h };
	int fd;

	(void)state;
	assert_int_equal(lines_pipe(&l, &fd, NULL), 0);
	tell(fd, "one\ntw");
	assert_string_equal(h.text, "one|");
	tell(fd, "o\n\nfour\nhalf");
	assert_string_equal(h.text, "one|two||four|");
	assert_int_equal(h.ends, 0);
	close(fd);
	assert_int_equal(loop_until(0), 0);
	assert_string_equal(h.text, "one|two||four|"); /* half a line is none */
	assert_int_equal(h.ends, 1);
	assert_int_equal(l.fd, -1);
	lines_close(&l);
	assert_int_equal(loop_until(0), 0);
	assert_int_equal(h.ends, 1);
}

static void test_long_line(void **state)
{
	static char text[LINES_SIZE + 1];
	struct heard h = {};
	struct lines l = { .said = said, .arg = &h };
	int fd;

	(void)state;
	memset(text, 'x', LINES_SIZE);
	assert_int_equal(lines_pipe(&l, &fd, NULL), 0);
	tell(fd, text); /* fills the buffer, and is dropped */
	tell(fd, "\nnext\n");
	assert_string_equal(h.text, "|next|");
	text[LINES_SIZE - 1] = '\n';
	tell(fd, text); /* the longest that is a line */
	assert_int_equal(h.n, 3);
	assert_int_equal(h.longest, LINES_SIZE - 1);
	tell(fd, "last\n");
	assert_string_equal(h.text, "|next|last|");
	lines_close(&l);
	lines_close(&l);
	close(fd);
}

static void test_no_room(void **state)
{
	struct heard h = {};
	struct lines l = { .said = said, .arg = &h }, twice = l;
	int fd, same;

	(void)state;
	assert_int_equal(lines_pipe(&l, &fd, NULL), 0);
	same = l.fd;
	assert_int_equal(lines_open(&twice, &same, NULL), -EEXIST);
	assert_int_equal(twice.fd, -1);
	assert_int_equal(same, l.fd);
	tell(fd, "still heard\n");
	assert_string_equal(h.text, "still heard|");
	lines_close(&twice);
	lines_close(&l);
	close(fd);
}

static void test_last(void **state)
{
	static const struct {
		const char *file, *last;
	} rows[] = {
		{ "", "" },
		{ "one", "one" },
		{ "one\ntwo\n", "two" },
		{ "one\ntwo\n\n\n", "two" },
		{ "one\nand one that is longer than what it is put into\n", "s put into" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = memfd_create("said", MFD_CLOEXEC);
		char line[12];

		assert_int_equal(write(fd, rows[i].file, strlen(rows[i].file)), strlen(rows[i].file));
		lines_last(fd, line, sizeof(line));
		assert_string_equal(line, rows[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_last),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
