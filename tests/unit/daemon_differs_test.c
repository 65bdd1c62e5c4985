/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whether the system's file says something else than what runs, and how often it is read for that. */

#include "base/file.h"
#include "state_rig.h"
#include "tests/clock.h"

#include <fcntl.h>

/* The build wraps this: how often a file was read. */
static size_t reads;

ssize_t __real_file_read_alloc(int dirfd, const char *path, size_t max, char **ret);
ssize_t __wrap_file_read_alloc(int dirfd, const char *path, size_t max, char **ret);

ssize_t __wrap_file_read_alloc(int dirfd, const char *path, size_t max, char **ret)
{
	reads++;
	return __real_file_read_alloc(dirfd, path, max, ret);
}

/* Ask; n_reads: how often the file is read for it. */
static void differs(struct scratch *s, bool want, size_t n_reads)
{
	reads = 0;
	assert_int_equal(state_differs(&s->d), want);
	assert_int_equal(reads, n_reads);
	reads = 0;
	assert_int_equal(state_differs(&s->d), want); /* nothing has changed since */
	assert_int_equal(reads, 0);
}

/* The kernel's file times go on in steps of up to 10 ms (CONFIG_HZ). */
static void write_file(struct scratch *s, const char *text)
{
	nap_us(25000);
	folder_write(&s->folder, "divvy.yaml", text);
}

static void compares_with_the_file(void **state)
{
	struct scratch *s = *state;

	run_applied(s, web);
	differs(s, false, 1); /* there is none */
	write_file(s, "# nothing yet\n");
	differs(s, false, 1);
	write_file(s, other);
	differs(s, true, 1);
	write_file(s, web);
	differs(s, false, 1);
	write_file(s, "uplinks: 7\n");
	differs(s, true, 1);
	assert_int_equal(unlink(s->config), 0);
	differs(s, false, 1);
	/* What runs changes. */
	write_file(s, web);
	differs(s, false, 1);
	run_applied(s, other);
	differs(s, true, 1);
	s->d.origin = ORIGIN_FILE;
	s->d.file.valid = false;
	differs(s, false, 0);
	s->d.origin = ORIGIN_NONE;
	s->d.file.valid = false;
	differs(s, false, 0);
}

static void notices_each_change_of_the_file(void **state)
{
	struct timespec times[2];
	struct scratch *s = *state;
	char text[sizeof(web)], path[120];
	struct stat st;

	memcpy(text, web, sizeof(web));
	write_file(s, text);
	run_applied(s, web);
	differs(s, false, 1);
	/* The same size. */
	*strstr(text, "60") = '7';
	write_file(s, text);
	differs(s, true, 1);
	/* The same size and time of change, as a copy with times makes it. */
	assert_int_equal(stat(s->config, &st), 0);
	write_file(s, web);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, s->config, times, 0), 0);
	differs(s, false, 1);
	/* Another file takes its name. */
	snprintf(path, sizeof(path), "%s/new.yaml", s->folder.path);
	folder_write(&s->folder, "new.yaml", text);
	assert_int_equal(rename(path, s->config), 0);
	differs(s, true, 1);
	/* Touched. */
	nap_us(25000);
	assert_int_equal(utimensat(AT_FDCWD, s->config, NULL, 0), 0);
	differs(s, true, 1);
}

/* FNV-1a: Fowler, Noll and Vo's own test vectors. */
static void hashes_the_file(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(systemfile_hash(s->config), 0);
	folder_write(&s->folder, "divvy.yaml", "");
	assert_int_equal(systemfile_hash(s->config), 0xcbf29ce484222325ULL);
	folder_write(&s->folder, "divvy.yaml", "a");
	assert_int_equal(systemfile_hash(s->config), 0xaf63dc4c8601ec8cULL);
	folder_write(&s->folder, "divvy.yaml", "foobar");
	assert_int_equal(systemfile_hash(s->config), 0x85944171f73967e8ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(compares_with_the_file),
		TEST(notices_each_change_of_the_file),
		TEST(hashes_the_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
