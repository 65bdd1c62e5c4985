/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What survives a restart: saved by one daemon, restored by the next; and which specification runs then. */

#include "plan_rig.h"
#include "state_rig.h"

#include <jansson.h>

/* --- a daemon, and the next one ----------------------------------------------------------------- */

/* Start the next daemon on the same files; its model and table become its plan's. */
static int restart(const struct scratch *s, struct daemon *next, struct spec_error *err)
{
	*next = (struct daemon){ .options = s->d.options };
	model_init(&next->plan.written);
	return state_load(next, &next->plan.written, &next->plan.classids, err);
}

static void save(struct scratch *s)
{
	assert_int_equal(state_save(&s->d), 0);
}

/* The state file as the test wants it to be. key: a member that is set to value, which is taken. */
static void edit(const struct scratch *s, const char *key, json_t *value)
{
	json_error_t err;
	json_t *root = json_load_file(s->state, 0, &err);

	assert_non_null(root);
	json_object_set_new(root, key, value);
	assert_int_equal(json_dump_file(root, s->state, 0), 0);
	json_decref(root);
}

/* What runs is what this text says. */
static void assert_runs(const struct daemon *d, const char *text)
{
	_cleanup_free_ char *want = NULL, *got = spec_format(&d->plan.written);
	struct model m;

	parse(text, &m);
	want = spec_format(&m);
	assert_string_equal(got, want);
	model_free(&m);
}

/* --- tables ------------------------------------------------------------------------------------- */

static void class_numbers(void **state)
{
	struct scratch *s = *state;
	struct classids *c = &s->d.plan.classids;
	struct spec_error err;
	struct daemon next;

	for (uint32_t i = 0; i < 300; i++) {
		char key[64];

		snprintf(key, sizeof(key), "eth%u/%c/d-%u_.%s", i % 3, 'a' + (char)(i % 7), i,
			 i % 5 ? "" : "/");
		assert_int_equal(
			classids_add(c, key, (uint16_t)(CLASSID_FIRST + rnd_below(CLASSID_LAST - 1))), 0);
	}
	classids_seal(c);
	save(s);
	assert_int_equal(restart(s, &next, &err), -ENOENT);
	assert_int_equal(next.plan.classids.n, c->n);
	for (size_t i = 0; i < c->n; i++) {
		assert_string_equal(next.plan.classids.list[i].key, c->list[i].key);
		assert_int_equal(next.plan.classids.list[i].minor, c->list[i].minor);
	}
	daemon_free(&next);
}

static void edited_class_numbers(void **state)
{
	struct scratch *s = *state;
	struct spec_error err;
	struct daemon next;

	save(s);
	edit(s, "minors",
	     json_pack("{s:i,s:i,s:i,s:i,s:s,s:i,s:i}", "a", 0, "b", CLASSID_ROOT, "c", CLASSID_DEFAULT, "d",
		       65536 + 7, "e", "7", "g", 7, "f", 8));
	assert_int_equal(restart(s, &next, &err), -ENOENT);
	assert_int_equal(next.plan.classids.n, 2); /* sorted */
	assert_string_equal(next.plan.classids.list[0].key, "f");
	assert_string_equal(next.plan.classids.list[1].key, "g");
	daemon_free(&next);
	edit(s, "minors", json_string("none"));
	assert_int_equal(restart(s, &next, &err), -ENOENT);
	assert_int_equal(next.plan.classids.n, 0);
	daemon_free(&next);
}

/* No text: JSON has to write it otherwise. */
#define TAP6 "t\xff\x1b[6m"

/* The host as the next daemon finds it: 3 tap0, 5 tap5 (another name than before), 6 TAP6. */
static void find_host(struct daemon *d)
{
	static const struct link links[] = { { .ifindex = 3, .name = "tap0" },
					     { .ifindex = 5, .name = "tap5" },
					     { .ifindex = 6, .name = TAP6 } };
	struct link *list = malloc(sizeof(links));

	assert_non_null(list);
	memcpy(list, links, sizeof(links));
	host_set_links(&d->host, list, ARRAY_SIZE(links));
}

static void save_hooks_and_buffers(struct scratch *s)
{
	struct held h = { .ifindex = 3, .pid = 4711, .before = INT32_MAX, .now = 66368, .queues = 4 };
	struct held h6 = { .ifindex = 6, .nic = TAP6, .pid = 4712, .before = INT32_MAX, .now = 66368, .queues = 1 };

	h.start_time = 1ULL << 60;
	strcpy(h.nic, "tap0");
	assert_int_equal(backpressure_adopt(&s->d.backpressure, &h), 0);
	assert_int_equal(backpressure_adopt(&s->d.backpressure, &h6), 0);
	assert_int_equal(hooks_add(&s->d.plane.hooks, 3, "tap0", true, false), 0);
	assert_int_equal(hooks_add(&s->d.plane.hooks, 4, "tap4", true, false), 0); /* gone since */
	assert_int_equal(hooks_add(&s->d.plane.hooks, 5, "tap1", true, true), 0); /* another has its ifindex */
	assert_int_equal(hooks_add(&s->d.plane.hooks, 6, TAP6, false, true), 0);
	save(s);
}

static void load_on_host(const struct scratch *s, struct daemon *next)
{
	struct spec_error err;

	*next = (struct daemon){ .options = s->d.options };
	model_init(&next->plan.written);
	find_host(next);
	assert_int_equal(state_load(next, &next->plan.written, &next->plan.classids, &err), -ENOENT);
}

static void hooks_of_links_that_are_there(void **state)
{
	struct scratch *s = *state;
	struct daemon next;

	save_hooks_and_buffers(s);
	load_on_host(s, &next);
	assert_int_equal(next.plane.hooks.n, 2);
	assert_true(hooks_find(&next.plane.hooks, 3)->ours);
	assert_string_equal(hooks_find(&next.plane.hooks, 3)->name, "tap0");
	assert_false(hooks_find(&next.plane.hooks, 3)->clsact);
	assert_false(hooks_find(&next.plane.hooks, 6)->ours);
	assert_true(hooks_find(&next.plane.hooks, 6)->clsact);
	daemon_free(&next);
}

/* An earlier version made no other kind than clsact, and did not write it down. */
static void hooks_of_an_earlier_version(void **state)
{
	struct scratch *s = *state;
	struct daemon next;

	save_hooks_and_buffers(s);
	edit(s, "hooks", json_pack("[{s:i,s:s,s:b}]", "ifindex", 3, "name", "tap0", "ours", 1));
	load_on_host(s, &next);
	assert_true(hooks_find(&next.plane.hooks, 3)->ours);
	assert_true(hooks_find(&next.plane.hooks, 3)->clsact);
	daemon_free(&next);
}

static void send_buffers(void **state)
{
	struct scratch *s = *state;
	const struct held *h;
	struct daemon next;

	save_hooks_and_buffers(s);
	load_on_host(s, &next);
	assert_int_equal(next.backpressure.n, 2);
	assert_string_equal(backpressure_of(&next.backpressure, 6)->nic, TAP6);
	h = backpressure_of(&next.backpressure, 3);
	assert_non_null(h);
	assert_string_equal(h->nic, "tap0");
	assert_int_equal(h->pid, 4711);
	assert_int_equal(h->start_time, 1ULL << 60);
	assert_int_equal(h->before, INT32_MAX);
	assert_int_equal(h->now, 66368);
	assert_int_equal(h->queues, 4);
	assert_int_equal(h->error, 0);
	daemon_free(&next);
}

/* After a reboot, ifindexes and pids are others'; class numbers and the specification stay. */
static void another_boot(void **state)
{
	struct scratch *s = *state;
	struct spec_error err;
	struct daemon next = { 0 };

	assert_int_equal(classids_add(&s->d.plan.classids, "eth0/web", 9), 0);
	run_applied(s, web);
	save_hooks_and_buffers(s);
	edit(s, "boot", json_string("00000000-0000-0000-0000-000000000000"));
	next.options = s->d.options;
	find_host(&next);
	assert_int_equal(state_load(&next, &next.plan.written, &next.plan.classids, &err), 0);
	assert_int_equal(next.plane.hooks.n, 0);
	assert_int_equal(next.backpressure.n, 0);
	assert_int_equal(next.plan.classids.n, 1);
	assert_runs(&next, web);
	daemon_free(&next);
}

/* --- which specification runs; all cases: daemon_origin_test.c ---------------------------------- */

static void expect(const struct scratch *s, int r, enum origin origin, const char *text)
{
	struct spec_error err;
	struct daemon next;

	assert_int_equal(restart(s, &next, &err), r);
	assert_int_equal(next.origin, origin);
	assert_int_equal(next.file_hash, systemfile_hash(s->config));
	if (text)
		assert_runs(&next, text);
	else
		assert_int_equal(next.plan.written.n_nodes, 0);
	assert_int_equal(err.text[0] != '\0', r == -EINVAL);
	daemon_free(&next);
}

static void nothing_to_run(void **state)
{
	struct scratch *s = *state;

	expect(s, -ENOENT, ORIGIN_NONE, NULL);
	folder_write(&s->folder, "divvy.yaml", "");
	expect(s, -ENOENT, ORIGIN_NONE, NULL);
	folder_write(&s->folder, "divvy.yaml", "# as `make install` puts it there\n\n  # uplinks:\n \t\r\n#");
	expect(s, -ENOENT, ORIGIN_NONE, NULL);
}

static void the_file(void **state)
{
	struct scratch *s = *state;

	folder_write(&s->folder, "divvy.yaml", web);
	expect(s, 0, ORIGIN_FILE, web);
	parse(web, &s->d.plan.written);
	s->d.origin = ORIGIN_FILE;
	s->d.file_hash = systemfile_hash(s->config);
	save(s);
	expect(s, 0, ORIGIN_FILE, web);
	/* What ran was the file's: the file as it is now runs next. */
	folder_write(&s->folder, "divvy.yaml", other);
	expect(s, 0, ORIGIN_FILE, other);
	folder_write(&s->folder, "divvy.yaml", "uplinks: 7\n");
	expect(s, -EINVAL, ORIGIN_NONE, NULL);
	/* Nothing is written to it: the start does not wait for that. */
	assert_int_equal(unlink(s->config), 0);
	assert_int_equal(mkfifo(s->config, 0600), 0);
	expect(s, -EINVAL, ORIGIN_NONE, NULL);
}

static void what_was_applied(void **state)
{
	struct scratch *s = *state;

	run_applied(s, web);
	save(s);
	expect(s, 0, ORIGIN_APPLIED, web); /* there never was a file */
	folder_write(&s->folder, "divvy.yaml", other);
	expect(s, 0, ORIGIN_FILE, other); /* it was written since */
	run_applied(s, web);
	save(s);
	expect(s, 0, ORIGIN_APPLIED, web);
}

/* After release --all nothing runs, also where there is a file. */
static void an_empty_specification(void **state)
{
	struct scratch *s = *state;

	folder_write(&s->folder, "divvy.yaml", web);
	run_applied(s, web);
	model_free(&s->d.plan.written);
	save(s);
	expect(s, 0, ORIGIN_APPLIED, NULL);
	folder_write(&s->folder, "divvy.yaml", other);
	expect(s, 0, ORIGIN_FILE, other);
}

/* CPU slots were asked for and could not be had: the next start asks again. */
static void a_schedule_that_could_not_be_had(void **state)
{
	struct scratch *s = *state;
	char text[sizeof(web) + 64];

	snprintf(text, sizeof(text), "%sschedule: {resource: cpu, slots: 20}\n", web);
	run_applied(s, text);
	s->d.asked = s->d.plan.written.schedule;
	s->d.plan.written.schedule = schedule_default;
	strcpy(s->d.not_cpu, "no control group");
	save(s);
	expect(s, 0, ORIGIN_APPLIED, text);
	s->d.not_cpu[0] = '\0';
	save(s);
	expect(s, 0, ORIGIN_APPLIED, web);
}

/*
 * A state file that is no such thing, is cut off, or is of a newer divvyd, and a specification in it that no
 * longer parses: as if there were none. What is told of it is in daemon_state_faults_test.c.
 */
static void a_state_that_is_not_understood(void **state)
{
	struct scratch *s = *state;

	run_applied(s, web);
	assert_int_equal(classids_add(&s->d.plan.classids, "eth0/web", 9), 0);
	save(s);
	edit(s, "version", json_integer(2));
	expect(s, -ENOENT, ORIGIN_NONE, NULL);
	save(s);
	assert_int_equal(truncate(s->state, 60), 0);
	expect(s, -ENOENT, ORIGIN_NONE, NULL);
	folder_write(&s->folder, "state.json", "[1]");
	expect(s, -ENOENT, ORIGIN_NONE, NULL);
	folder_write(&s->folder, "state.json", "\xff\xfe");
	folder_write(&s->folder, "divvy.yaml", web);
	expect(s, 0, ORIGIN_FILE, web);
	run_applied(s, web);
	save(s);
	edit(s, "spec", json_string("uplinks: 7\n"));
	expect(s, 0, ORIGIN_FILE, web);
}

static void saves_whole_files(void **state)
{
	struct scratch *s = *state;
	struct stat st;
	char tmp[120];

	snprintf(tmp, sizeof(tmp), "%s.new", s->state);
	run_applied(s, web);
	for (int i = 0; i < 3; i++) {
		save(s);
		assert_int_equal(stat(s->state, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(access(tmp, F_OK), -1);
	}
	/* What cannot be saved leaves the former state. */
	assert_int_equal(mkdir(tmp, 0700), 0);
	model_free(&s->d.plan.written);
	parse(other, &s->d.plan.written);
	assert_int_equal(state_save(&s->d), -EISDIR);
	expect(s, 0, ORIGIN_APPLIED, web);
	assert_int_equal(rmdir(tmp), 0);
	assert_int_equal(unlink(s->state), 0);
	assert_int_equal(mkdir(s->state, 0700), 0);
	assert_int_equal(state_save(&s->d), -EISDIR);
	s->d.options.state = "/nonexistent";
	assert_int_equal(state_save(&s->d), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(class_numbers),
		TEST(edited_class_numbers),
		TEST(hooks_of_links_that_are_there),
		TEST(hooks_of_an_earlier_version),
		TEST(send_buffers),
		TEST(another_boot),
		TEST(nothing_to_run),
		TEST(the_file),
		TEST(what_was_applied),
		TEST(an_empty_specification),
		TEST(a_schedule_that_could_not_be_had),
		TEST(a_state_that_is_not_understood),
		TEST(saves_whole_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
