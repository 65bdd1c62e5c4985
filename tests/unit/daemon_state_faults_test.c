/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A state that cannot be used is kept aside and told; one that cannot be saved is told once, and tried again. */

#include "capture.h"
#include "state_rig.h"

#include <sys/stat.h>

/* What the next divvyd makes of the files. */
static struct daemon next;
static struct capture said;

static int load(const struct scratch *s)
{
	struct spec_error err;
	int r;

	next = (struct daemon){ .options = s->d.options };
	model_init(&next.plan.written);
	capture_begin(&said);
	r = state_load(&next, &next.plan.written, &next.plan.classids, &err);
	capture_end(&said);
	return r;
}

static void save(struct scratch *s)
{
	run_applied(s, web);
	s->d.saved_hash = 0;
	assert_int_equal(state_save(&s->d), 0);
}

static bool exists(const struct scratch *s, const char *name)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", s->folder.path, name);
	return lstat(path, &st) == 0;
}

static void run(const struct scratch *s, const char *command)
{
	char line[300];

	snprintf(line, sizeof(line), "cd '%s' && %s", s->folder.path, command);
	assert_int_equal(system(line), 0);
}

static const struct fault {
	const char *command; /* makes a good state.json a bad one */
	const char *told;
} faults[] = {
	{ "truncate -s 60 state.json", "state.json is cut short or damaged (line 1: " },
	{ "truncate -s 0 state.json", "state.json is empty" },
	{ "head -c 3000 /dev/urandom >state.json", "state.json is cut short or damaged" },
	{ "echo '[1]' >state.json", "state.json is no state of divvyd's" },
	{ "echo 7 >state.json", "state.json is cut short or damaged" },
	{ "sed -i 's/\"version\":1/\"version\":2/' state.json",
	  "state.json has version 2, and this divvyd knows version 1" },
	{ "sed -i 's/\"version\":1/\"version\":\"1\"/' state.json", "state.json is no state of divvyd's" },
	{ "sed -i 's/\"held\":\\[/\"held\":[7/' state.json", "\"held\" is not as divvyd writes it" },
	{ "sed -i 's/\"hooks\":\\[/\"hooks\":[{}/' state.json", "\"hooks\" is not as divvyd writes it" },
	{ "sed -i 's/\"minors\":{}/\"minors\":[]/' state.json", "\"minors\" is not as divvyd writes it" },
	{ "sed -i 's/\"boot\":\"[^\"]*\"/\"boot\":null/' state.json", "\"boot\" is not as divvyd writes it" },
	{ "sed -i 's/\"version\":1/\"version\":1,\"version\":1/' state.json",
	  "state.json is cut short or damaged" },
	{ "chmod 620 state.json", "state.json can be written by others than its owner" },
	{ "rm state.json; mkdir state.json; touch state.json/x", "state.json is a directory" },
	{ "rm state.json; mkfifo state.json", "state.json is no regular file" },
	{ "rm state.json; ln -s state.json state.json", "state.json cannot be read: Too many levels" },
	{ "sed -i 's/share: 60/share: 0/' state.json", "the specification saved in " },
};

static void what_cannot_be_used_is_kept_aside_and_told(void **state)
{
	struct scratch *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		char kept[300];

		save(s);
		run(s, faults[i].command);
		if (load(s) != -ENOENT || !strstr(next.state_lost, faults[i].told))
			fail_msg("%s: told \"%s\"", faults[i].command, next.state_lost);
		snprintf(kept, sizeof(kept), "%s/state.json.bad-%zu", s->folder.path, i + 1);
		assert_non_null(strstr(next.state_lost, kept));
		assert_non_null(strstr(said.err, next.state_lost));
		assert_true(exists(s, strrchr(kept, '/') + 1));
		assert_false(exists(s, "state.json"));
		assert_true(next.as_found); /* what ran is not known */
		assert_int_equal(next.origin, ORIGIN_NONE);
		daemon_free(&next);
	}
}

static void a_saved_text_names_itself_and_where(void **state)
{
	struct scratch *s = *state;
	char want[300];

	folder_write(&s->folder, "divvy.yaml", other);
	save(s);
	run(s, "sed -i 's/share: 60/shares: 60/' state.json");
	assert_int_equal(load(s), 0);
	snprintf(want, sizeof(want), "the specification saved in %s/state.json:5:", s->folder.path);
	assert_non_null(strstr(next.state_lost, want));
	assert_null(strstr(said.err, "divvy.yaml:"));
	assert_int_equal(next.origin, ORIGIN_FILE); /* what the operator has configured counts */
	assert_false(next.records_lost); /* the rest of the file is as good as ever */
	daemon_free(&next);
}

/* Root's own file is believed, and root's alone. */
static void a_file_of_another_user_is_not_believed(void **state)
{
	struct scratch *s = *state;

	if (geteuid() != 0) {
		print_message("# skipped: needs root, to give a file away\n");
		skip();
	}
	save(s);
	run(s, "chown 65534 state.json");
	assert_int_equal(load(s), -ENOENT);
	assert_non_null(strstr(next.state_lost, "state.json belongs to user 65534"));
	daemon_free(&next);
}

static void what_ran_is_known_or_not(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(load(s), -ENOENT);
	assert_true(next.as_found && next.records_lost); /* no file at all */
	assert_string_equal(next.state_lost, "");
	assert_string_equal(said.err, "");
	daemon_free(&next);
	s->d.origin = ORIGIN_NONE;
	assert_int_equal(state_save(&s->d), 0);
	assert_int_equal(load(s), -ENOENT);
	assert_false(next.as_found || next.records_lost); /* of this boot: nothing ran */
	daemon_free(&next);
	s->d.as_found = true;
	assert_int_equal(state_save(&s->d), 0);
	assert_int_equal(load(s), -ENOENT);
	assert_true(next.as_found); /* the former divvyd did not know either */
	daemon_free(&next);
	folder_write(&s->folder, "divvy.yaml", web);
	assert_int_equal(load(s), 0);
	assert_int_equal(next.origin, ORIGIN_FILE);
	daemon_free(&next);
}

static void a_save_that_fails_is_told_once_and_mended(void **state)
{
	struct scratch *s = *state;
	int first, second;

	run_applied(s, web);
	assert_int_equal(state_save(&s->d), 0); /* an older state is there: it is not taken for this one */
	assert_int_equal(hooks_add(&s->d.plane.hooks, 1, "lo", true, false), 0);
	run(s, "mkdir state.json.new"); /* stands for a disk that is full */
	capture_begin(&said); /* a check that fails meanwhile would not be seen */
	first = state_save(&s->d);
	second = state_save(&s->d);
	capture_end(&said);
	assert_int_equal(first, -EISDIR);
	assert_int_equal(second, -EISDIR);
	assert_non_null(strstr(s->d.unsaved, "cannot save the state in "));
	assert_non_null(strstr(s->d.unsaved, "Is a directory"));
	assert_non_null(strstr(said.err, s->d.unsaved));
	assert_null(strstr(strchr(said.err, '\n') + 1, "cannot save"));
	run(s, "rmdir state.json.new");
	capture_begin(&said);
	assert_int_equal(state_save(&s->d), 0);
	capture_end(&said);
	assert_string_equal(s->d.unsaved, "");
	assert_non_null(strstr(said.err, "saved again"));
}

static ino_t inode(const struct scratch *s)
{
	struct stat st;

	return stat(s->state, &st) == 0 ? st.st_ino : 0;
}

/* A flush costs milliseconds, and divvyd saves after every change of the host. */
static void what_has_not_changed_is_not_written_again(void **state)
{
	struct scratch *s = *state;
	ino_t first;

	save(s);
	first = inode(s);
	assert_int_equal(state_save(&s->d), 0);
	assert_int_equal(inode(s), first);
	assert_int_equal(hooks_add(&s->d.plane.hooks, 1, "lo", true, false), 0);
	assert_int_equal(state_save(&s->d), 0);
	assert_int_not_equal(inode(s), first);
	assert_int_equal(unlink(s->state), 0);
	assert_int_equal(state_save(&s->d), 0); /* gone: written again */
	assert_int_not_equal(inode(s), 0);
}

/* What cannot be moved out of the way is not replaced either. */
static void an_unusable_file_is_never_overwritten(void **state)
{
	struct scratch *s = *state;
	struct daemon *d = &s->d;

	folder_write(&s->folder, "state.json", "not ours");
	run_applied(s, web);
	d->unusable_state = true; /* as where renaming failed at the start */
	assert_int_equal(state_save(d), 0);
	assert_false(d->unusable_state);
	run(s, "grep -q 'not ours' state.json.bad-1");
	assert_int_equal(load(s), 0);
	assert_string_equal(next.state_lost, "");
	daemon_free(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_used_is_kept_aside_and_told),
		TEST(a_saved_text_names_itself_and_where),
		TEST(a_file_of_another_user_is_not_believed),
		TEST(what_ran_is_known_or_not),
		TEST(a_save_that_fails_is_told_once_and_mended),
		TEST(what_has_not_changed_is_not_written_again),
		TEST(an_unusable_file_is_never_overwritten),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
