/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which specification runs at a start: each state that the former divvyd can have left, with all that can have
 * become of the system's file since. Nothing that runs is given up because a file is gone, blank or wrong.
 */

#include "capture.h"
#include "state_rig.h"

#include <unistd.h>

static const char third[] = "uplinks: [{name: eth2, capacity: 2gbit, devices: [{name: dns, nic: tap9}]}]\n";

/* --- the system's file -------------------------------------------------------------------------- */

static const struct file_kind {
	const char *name, *make; /* run in the folder, where the file is as it was */
	const char *wrong;       /* what is told of it, behind its path; NULL: nothing is wrong */
} kinds[] = {
	{ "as it was", ":", NULL },
	{ "another", "cp third divvy.yaml", NULL },
	{ "gone", "rm divvy.yaml", " is gone" },
	{ "empty", ": >divvy.yaml", " says nothing" },
	{ "comments", "printf '# none\\n\\n \\t#\\r\\n' >divvy.yaml", " says nothing" },
	{ "no uplinks", "echo 'uplinks: []' >divvy.yaml", ":1:1: no uplink in the list" },
	{ "a document alone", "echo --- >divvy.yaml", ":1:1: an empty document" },
	{ "wrong", "echo 'uplinks: 7' >divvy.yaml", ":1:10: " },
	{ "cut short", "head -c 60 third >divvy.yaml", ":" },
	{ "binary", "printf '\\0\\377\\033[6m' >divvy.yaml", ":" },
	{ "too long", "head -c 2000000 /dev/zero | tr '\\0' x >divvy.yaml", ":" },
	{ "a directory", "rm divvy.yaml; mkdir divvy.yaml", ": Is a directory" },
	{ "unreadable", "rm divvy.yaml; ln -s divvy.yaml divvy.yaml", ": Too many levels" },
	{ "a FIFO", "rm divvy.yaml; mkfifo divvy.yaml", ": it is a FIFO" },
	{ "a device", "rm divvy.yaml; ln -s /dev/null divvy.yaml", " says nothing" },
};
enum { SAME = 0, ANOTHER = 1, GONE = 2 };

static bool says_nothing(const struct file_kind *k)
{
	return k->wrong && k->wrong[0] == ' ';
}

/* --- what the former divvyd has left ------------------------------------------------------------ */

static void no_state(struct scratch *s)
{
	(void)s;
}

static void applied(struct scratch *s)
{
	run_applied(s, web);
	assert_int_equal(state_save(&s->d), 0);
}

static void released(struct scratch *s)
{
	run_applied(s, web);
	model_free(&s->d.plan.written);
	assert_int_equal(state_save(&s->d), 0);
}

static void ran_the_file(struct scratch *s)
{
	run_applied(s, other);
	s->d.origin = ORIGIN_FILE;
	assert_int_equal(state_save(&s->d), 0);
}

static void damaged(struct scratch *s)
{
	applied(s);
	assert_int_equal(truncate(s->state, 60), 0);
}

static void with_a_wrong_text(struct scratch *s)
{
	char line[200];

	applied(s);
	snprintf(line, sizeof(line), "sed -i 's/share: 60/shares: 60/' '%s'", s->state);
	assert_int_equal(system(line), 0);
}

enum outcome {
	APPLIED,  /* what was applied runs */
	RELEASED, /* nothing runs, as it was */
	THE_FILE, /* runs */
	AS_FOUND, /* it is not known what ran: what the kernel enforces stays */
	REFUSED,  /* the start: what the kernel enforces stays */
};

static const struct left {
	const char *name;
	void (*leave)(struct scratch *s);
	enum outcome same, another, nothing, wrong; /* by what has become of the file */
} lefts[] = {
	{ "no state", no_state, THE_FILE, THE_FILE, AS_FOUND, REFUSED },
	{ "applied", applied, APPLIED, THE_FILE, APPLIED, APPLIED },
	{ "released", released, RELEASED, THE_FILE, RELEASED, RELEASED },
	{ "the file ran", ran_the_file, THE_FILE, THE_FILE, AS_FOUND, REFUSED },
	{ "damaged", damaged, THE_FILE, THE_FILE, AS_FOUND, REFUSED },
	{ "a wrong text", with_a_wrong_text, THE_FILE, THE_FILE, AS_FOUND, REFUSED },
};

static enum outcome wanted(const struct left *l, const struct file_kind *k)
{
	return k == &kinds[SAME]    ? l->same :
	       k == &kinds[ANOTHER] ? l->another :
	       says_nothing(k)      ? l->nothing :
				      l->wrong;
}

/* --- the next start ----------------------------------------------------------------------------- */

static struct daemon next;
static struct capture said;
static struct spec_error err;
static int result;

static enum outcome start(const struct scratch *s)
{
	next = (struct daemon){ .options = s->d.options };
	model_init(&next.plan.written);
	capture_begin(&said);
	result = state_load(&next, &next.plan.written, &next.plan.classids, &err);
	capture_end(&said);
	if (result == -ENOENT) {
		assert_true(next.as_found);
		return AS_FOUND;
	}
	if (result < 0)
		return REFUSED;
	return next.origin == ORIGIN_FILE ? THE_FILE : next.plan.written.n_nodes ? APPLIED : RELEASED;
}

static void check_runs(enum outcome is, const struct file_kind *k)
{
	const char *uplink = is == APPLIED ? "eth0" : k == &kinds[ANOTHER] ? "eth2" : "eth1";
	_cleanup_free_ char *text = spec_format(&next.plan.written);

	if ((is == APPLIED || is == THE_FILE) && (!text || !strstr(text, uplink)))
		fail_msg("%s runs, not %s", text ? text : "nothing", uplink);
}

static void begins(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("told \"%s\" instead of \"%s\"", text, with);
}

/* What is wrong with the file is told where what runs is not what it says. */
static void check_told(const struct scratch *s, enum outcome is, const struct file_kind *k)
{
	char want[300], wrong[1200];

	snprintf(want, sizeof(want), "%s%s", s->config, k->wrong ? k->wrong : "");
	if (!k->wrong)
		assert_string_equal(next.not_file, "");
	else if (is == APPLIED || is == RELEASED)
		begins(next.not_file, want);
	if (k->wrong && !says_nothing(k) && is != REFUSED)
		assert_non_null(strstr(said.err, want));
	if (is == REFUSED) {
		systemfile_wrong(s->config, result, &err, wrong, sizeof(wrong));
		begins(wrong, want);
	} else {
		assert_string_equal(err.text, "");
	}
	assert_ptr_equal(strpbrk(next.not_file, "\033\n"), NULL);
}

static void run(const struct scratch *s, const char *command)
{
	char line[400];

	snprintf(line, sizeof(line), "cd '%s' && { %s; }", s->folder.path, command);
	assert_int_equal(system(line), 0);
}

/* The former divvyd has ended, and the file became another one since. */
static void prepare(struct scratch *s, const struct left *l, const struct file_kind *k)
{
	run(s, "rm -rf divvy.yaml state.json*");
	folder_write(&s->folder, "third", third);
	folder_write(&s->folder, "divvy.yaml", other);
	s->d.saved_hash = 0;
	s->d.origin = ORIGIN_NONE;
	l->leave(s);
	run(s, k->make);
}

static void check_start(const struct scratch *s, const struct left *l, const struct file_kind *k, enum outcome want)
{
	enum outcome is = start(s);

	if (is != want)
		fail_msg("%s, and the file is %s: %d instead of %d", l->name, k->name, is, want);
	check_runs(is, k);
	check_told(s, is, k);
}

static void every_state_with_every_file(void **state)
{
	struct scratch *s = *state;

	for (const struct left *l = lefts; l < lefts + ARRAY_SIZE(lefts); l++)
		for (const struct file_kind *k = kinds; k < kinds + ARRAY_SIZE(kinds); k++) {
			prepare(s, l, k);
			check_start(s, l, k, wanted(l, k));
			daemon_free(&next);
		}
}

/* The next start is as the first, and says the same again. */
static void once_more(void **state)
{
	struct scratch *s = *state;

	for (const struct left *l = lefts; l < lefts + ARRAY_SIZE(lefts); l++)
		for (const struct file_kind *k = kinds; k < kinds + ARRAY_SIZE(kinds); k++) {
			enum outcome is;

			prepare(s, l, k);
			is = start(s);
			if (is != REFUSED)
				assert_int_equal(state_save(&next), 0);
			daemon_free(&next);
			check_start(s, l, k, is);
			daemon_free(&next);
		}
}

/* A file that comes back as it was is no change: what was applied over it runs on. */
static void the_file_comes_back(void **state)
{
	struct scratch *s = *state;

	for (const struct left *l = lefts; l < lefts + ARRAY_SIZE(lefts); l++)
		for (const struct file_kind *k = kinds + GONE; k < kinds + ARRAY_SIZE(kinds); k++) {
			prepare(s, l, k);
			if (start(s) != REFUSED)
				assert_int_equal(state_save(&next), 0);
			daemon_free(&next);
			run(s, "rm -rf divvy.yaml");
			folder_write(&s->folder, "divvy.yaml", other);
			check_start(s, l, &kinds[SAME], l->same);
			daemon_free(&next);
		}
}

/* The file was blank or wrong already when the specification was applied. */
static void a_file_that_never_said_anything(void **state)
{
	struct scratch *s = *state;

	for (const struct file_kind *k = kinds + GONE; k < kinds + ARRAY_SIZE(kinds); k++) {
		prepare(s, &lefts[0], k);
		applied(s);
		assert_int_equal(start(s), APPLIED);
		check_runs(APPLIED, k);
		if (says_nothing(k)) {
			assert_string_equal(next.not_file, "");
			assert_string_equal(said.err, "");
		} else {
			check_told(s, APPLIED, k);
		}
		daemon_free(&next);
		run(s, "rm -rf divvy.yaml; cp third divvy.yaml");
		assert_int_equal(start(s), THE_FILE);
		daemon_free(&next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_state_with_every_file),
		TEST(once_more),
		TEST(the_file_comes_back),
		TEST(a_file_that_never_said_anything),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
