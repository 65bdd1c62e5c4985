/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file is replaced as a whole, in the order that a power failure needs, or stays as it was. */
#include "base/replace.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/unit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct folder at;
static char journal[256]; /* which calls came, in order */
static int failing = -1;  /* the fsync() of this number fails, from 0 on */
static int fsyncs;

/* In place of the C library's. */
int fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	strcat(journal, S_ISDIR(st.st_mode) ? "dir " : "file ");
	if (fsyncs++ == failing) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's names are reserved ones */
int rename(const char *from, const char *to)
{
	strcat(journal, "rename ");
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int begin(void **state)
{
	(void)state;
	folder_make(&at);
	journal[0] = '\0';
	failing = -1;
	fsyncs = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	folder_remove(&at);
	return 0;
}

static const char *content(const char *name)
{
	static char text[100];
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", at.path, name);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return NULL;
	return text;
}

static void the_file_is_flushed_before_its_name_and_the_name_after(void **state)
{
	struct stat st;
	char path[200];

	(void)state;
	assert_int_equal(replace_file(at.path, "f", "one", 3), 0);
	assert_string_equal(journal, "file rename dir ");
	assert_string_equal(content("f"), "one");
	assert_int_equal(replace_file(at.path, "f", "two", 3), 0);
	assert_string_equal(content("f"), "two");
	assert_null(content("f.new"));
	snprintf(path, sizeof(path), "%s/f", at.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_cannot_be_flushed_does_not_count(void **state)
{
	(void)state;
	folder_write(&at, "f", "one");
	failing = 0;
	assert_int_equal(replace_file(at.path, "f", "two", 3), -EIO);
	assert_string_equal(content("f"), "one");
	assert_null(content("f.new"));
	failing = 2;
	assert_int_equal(replace_file(at.path, "f", "two", 3), -EIO);
}

/* A limit of a file's size stands for a full disk: the first part of it is written. */
static void what_does_not_fit_leaves_the_former_file(void **state)
{
	static char big[100000];
	struct rlimit was, small;

	(void)state;
	folder_write(&at, "f", "one");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 10000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(replace_file(at.path, "f", big, sizeof(big)), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_string_equal(content("f"), "one");
	assert_null(content("f.new"));
}

static void nothing_is_written_through_a_link(void **state)
{
	char path[200], beside[200];

	(void)state;
	folder_write(&at, "theirs", "theirs");
	snprintf(path, sizeof(path), "%s/theirs", at.path);
	snprintf(beside, sizeof(beside), "%s/f.new", at.path);
	assert_int_equal(symlink(path, beside), 0);
	assert_int_equal(replace_file(at.path, "f", "one", 3), 0);
	assert_string_equal(content("f"), "one");
	assert_string_equal(content("theirs"), "theirs");
}

static void what_stands_in_the_way_is_told(void **state)
{
	char path[200];

	(void)state;
	assert_int_equal(replace_file("/proc/divvy-none", "f", "one", 3), -ENOENT);
	snprintf(path, sizeof(path), "%s/f", at.path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_file(at.path, "f", "one", 3), -EISDIR);
	assert_null(content("f.new"));
	snprintf(path, sizeof(path), "%s/g.new", at.path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_file(at.path, "g", "one", 3), -EISDIR);
}

static void nothing_that_was_set_aside_is_lost(void **state)
{
	char path[200], kept[200] = "";

	(void)state;
	folder_write(&at, "f", "first");
	assert_int_equal(replace_set_aside(at.path, "f", kept, sizeof(kept)), 0);
	snprintf(path, sizeof(path), "%s/f.bad-1", at.path);
	assert_string_equal(kept, path);
	assert_string_equal(content("f.bad-1"), "first");
	assert_null(content("f"));
	folder_write(&at, "f", "second");
	assert_int_equal(replace_set_aside(at.path, "f", kept, sizeof(kept)), 0);
	assert_string_equal(content("f.bad-2"), "second");
	assert_string_equal(content("f.bad-1"), "first");
	snprintf(path, sizeof(path), "%s/f", at.path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_set_aside(at.path, "f", kept, sizeof(kept)), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(replace_set_aside(at.path, "f", kept, sizeof(kept)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_file_is_flushed_before_its_name_and_the_name_after, begin,
						end),
		cmocka_unit_test_setup_teardown(what_cannot_be_flushed_does_not_count, begin, end),
		cmocka_unit_test_setup_teardown(what_does_not_fit_leaves_the_former_file, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_written_through_a_link, begin, end),
		cmocka_unit_test_setup_teardown(what_stands_in_the_way_is_told, begin, end),
		cmocka_unit_test_setup_teardown(nothing_that_was_set_aside_is_lost, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base_replace", tests, NULL, NULL);
}
