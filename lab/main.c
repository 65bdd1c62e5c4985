/* SPDX-License-Identifier: GPL-2.0-or-later */

/* divvy-lab: scenarios on real VMs. */

#include "base/cleanup.h"
#include "figures.h"
#include "lab/clean/leftovers.h"
#include "lab/proc/proc.h"
#include "lab/proc/programs.h"
#include "lab/record/report.h"
#include "lab/run/run.h"
#include "lab/scenario/catalog.h"
#include "lab/scenario/scenario.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define EXIT_USAGE 2

static int fail(const struct errtext *e)
{
	fprintf(stderr, "divvy-lab: %s\n", e->text);
	return EXIT_FAILURE;
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "divvy-lab: %s%s%s; \"divvy-lab help\" lists what there is\n", what,
		which ? ": " : "", which ? which : "");
	return EXIT_USAGE;
}

static int parse_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || v < min || v > max)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

/* --- list ------------------------------------------------------------------------------------------ */

/* Words from that column on; a line has 80. */
static void print_wrapped(const char *text, int column)
{
	int at = column;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (at > column && at + 1 + n > 80) {
			printf("\n%*s", column, "");
			at = column;
		}
		at += printf("%s%.*s", at > column ? " " : "", n, text);
		text += n;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static int verb_list(int argc, char **argv)
{
	bool bad = false;
	glob_t g;

	if (argc > 1)
		return usage_error("list takes no argument", argv[1]);
	if (catalog_files("*.yaml", &g) < 0) {
		fprintf(stderr, "divvy-lab: no scenario in %s\n", program_scenarios());
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		_cleanup_(scenario_freep) struct scenario *s = NULL;
		struct errtext e;

		if (scenario_load(g.gl_pathv[i], &s, &e) == 0) {
			print_wrapped(s->title, printf("%-20s %4u s  ", s->name, scenario_seconds(s)));
		} else {
			fprintf(stderr, "divvy-lab: %s\n", e.text);
			bad = true;
		}
	}
	globfree(&g);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- run ------------------------------------------------------------------------------------------- */

static int may_run(struct errtext *e)
{
	if (geteuid() != 0)
		return errtext_set(e, -EPERM,
				   "not root: VMs get taps and network namespaces; run it with sudo");
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		return errtext_set(e, -errno, "/dev/net/tun: %s; load it with: modprobe tun",
				   strerror(errno));
	return 0;
}

struct run_options {
	const char *name, *out, *schedule;
	unsigned seconds, repeat; /* 0: as the scenario says */
};

static int parse_run(int argc, char **argv, struct run_options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (argv[i][0] != '-') {
			if (o->name)
				return usage_error("run takes one scenario", argv[i]);
			o->name = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--out") != 0 && strcmp(argv[i], "--seconds") != 0 &&
		    strcmp(argv[i], "--repeat") != 0 && strcmp(argv[i], "--schedule") != 0)
			return usage_error("unknown option", argv[i]);
		if (!value)
			return usage_error("a value is missing after", argv[i]);
		if (strcmp(argv[i], "--out") == 0)
			o->out = value;
		else if (strcmp(argv[i], "--schedule") == 0)
			o->schedule = value;
		else if (strcmp(argv[i], "--seconds") == 0 &&
			 parse_number(value, SCENARIO_SECONDS_MIN, SCENARIO_SECONDS_MAX, &o->seconds) < 0)
			return usage_error("--seconds takes 3..3600, the first 2 of each phase are not counted", value);
		else if (strcmp(argv[i], "--repeat") == 0 && parse_number(value, 1, 100, &o->repeat) < 0)
			return usage_error("--repeat takes 1..100", value);
		i++;
	}
	return o->name ? 0 : usage_error("run needs a scenario", NULL);
}

static int verb_run(int argc, char **argv)
{
	_cleanup_(scenario_freep) struct scenario *s = NULL;
	struct testbed testbed = {};
	struct run_options o = {};
	char path[PATH_MAX], out[PATH_MAX];
	struct errtext e = {};
	int r = parse_run(argc, argv, &o);

	if (r)
		return r;
	catalog_path(o.name, path);
	if (access(path, F_OK) < 0 && !strchr(o.name, '/')) {
		fprintf(stderr, "divvy-lab: no scenario \"%s\"; \"divvy-lab list\" lists them\n", o.name);
		return EXIT_FAILURE;
	}
	if (scenario_load(path, &s, &e) < 0)
		return fail(&e);
	if (o.seconds)
		scenario_set_seconds(s, o.seconds);
	if (o.repeat)
		s->repeat = o.repeat;
	if (o.schedule && scenario_set_schedule(s, o.schedule, &e) < 0)
		return fail(&e);
	snprintf(out, sizeof(out), "%s%.200s", o.out ? o.out : "lab/out/", o.out ? "" : s->name);
	if (may_run(&e) < 0)
		return fail(&e);
	r = run_scenario(s, &testbed, out, &(struct run_watch){ .keep = record }, &e);
	testbed_down(&testbed);
	if (r == -EINTR || proc_interrupted()) {
		fprintf(stderr, "divvy-lab: interrupted; everything is removed again\n");
		return 128 + (proc_interrupted() ? proc_interrupted() : SIGINT);
	}
	return r < 0 ? fail(&e) : EXIT_SUCCESS;
}

/* --- figures --------------------------------------------------------------------------------------- */

static int parse_figures(int argc, char **argv, struct figures_options *o)
{
	for (int i = 1; i < argc; i++) {
		const char **text = strcmp(argv[i], "--out") == 0 ? &o->out : strcmp(argv[i], "--only") == 0 ? &o->only : NULL;

		if (strcmp(argv[i], "--quick") == 0)
			o->quick = true;
		else if (strcmp(argv[i], "--fresh") == 0)
			o->fresh = true;
		else if (!text)
			return usage_error("unknown option", argv[i]);
		else if (i + 1 == argc)
			return usage_error("a value is missing after", argv[i]);
		else
			*text = argv[++i];
	}
	return 0;
}

static int verb_figures(int argc, char **argv)
{
	struct figures_options o = { .out = "lab/out" };
	_cleanup_free_ char *said = NULL;
	struct errtext e = {};
	unsigned failed = 0;
	int r = parse_figures(argc, argv, &o);

	if (r)
		return r;
	if (may_run(&e) < 0)
		return fail(&e);
	r = figures_run(&o, &failed, &e);
	if (r == -EINTR) {
		fail(&e);
		return 128 + (proc_interrupted() ? proc_interrupted() : SIGINT);
	}
	if (r < 0)
		return fail(&e);
	if (failed)
		fprintf(stderr, "divvy-lab: %u scenarios failed; the same command tries them again\n",
			failed);
	r = proc_runv(NULL, (const char *const[]){ program_report(), "report", o.out, NULL }, NULL, &said, &e);
	if (r < 0)
		return fail(&e);
	printf("%s", said);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- report, compare, verdict ---------------------------------------------------------------------- */

/* By a program of its own, in this one's place. */
static int verb_report(int argc, char **argv)
{
	char **args = calloc((size_t)argc + 2, sizeof(*args));

	if (!args)
		return EXIT_FAILURE;
	args[0] = argv[0];
	memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
	execv(program_report(), args);
	fprintf(stderr, "divvy-lab: %s: %s\n", program_report(), strerror(errno));
	free(args);
	return EXIT_FAILURE;
}

/* --- clean ----------------------------------------------------------------------------------------- */

static int verb_clean(int argc, char **argv)
{
	struct errtext e = {};
	int n;

	if (argc > 1)
		return usage_error("clean takes no argument", argv[1]);
	if (may_run(&e) < 0)
		return fail(&e);
	n = leftovers_clean(&e);
	if (n < 0)
		return fail(&e);
	printf("of runs that died: %d network namespaces, %d directories removed\n", n, run_clean());
	return EXIT_SUCCESS;
}

static int verb_help(int argc, char **argv);

static const struct {
	const char *name, *arguments, *what;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "list", "", "the scenarios, and how long their phases take", verb_list },
	{ "run", "NAME [--out DIR] [--seconds N] [--repeat N] [--schedule KEYS]",
	  "run one on real VMs; DIR (lab/out/NAME) gets summary.json, CSV and plots\n"
	  "        --seconds: of each phase, the first 2 of which are not counted\n"
	  "        --schedule: KEYS of divvy.yaml(5) for every phase with CPU slots (which\n"
	  "        keep their names), such as 'policy: adrr, lanes: 2, slot: 20ms'", verb_run },
	{ "figures", "[--quick] [--only PART,...] [--out DIR] [--fresh]",
	  "the whole evaluation, then DIR/report.html (lab/out); goes on where an\n"
	  "        earlier one was interrupted\n"
	  "        PART: figures, promises, peers, video, guests, fig06, or a scenario\n"
	  "        --fresh: also what is done already", verb_figures },
	{ "report", "DIR [--doc FILE.md] [--causes FILE]",
	  "write DIR/report.html and DIR/report.md from the results in DIR\n"
	  "        --doc: also FILE.md, its plots beside it", verb_report },
	{ "compare", "A B [--json]", "two folders of results side by side", verb_report },
	{ "verdict", "DIR", "say in words whether divvy kept its shares in that run; fails if not", verb_report },
	{ "clean", "", "remove what a run left behind that was killed", verb_clean },
	{ "help", "", "this", verb_help },
};

static bool is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static void print_verb(const char *before, size_t i)
{
	printf("%s%s%s%s\n        %s\n", before, verbs[i].name, verbs[i].arguments[0] ? " " : "",
	       verbs[i].arguments, verbs[i].what);
}

static int verb_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usage: divvy-lab VERB\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		print_verb("  ", i);
	printf("\nNAME is one of \"divvy-lab list\", or the path of a scenario's file.\n");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2)
		return usage_error("a verb is missing", NULL);
	if (is_help(argv[1]))
		return verb_help(argc, argv);
	if (strcmp(argv[1], "--version") == 0) {
		puts("divvy-lab " DIVVY_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (argc == 3 && is_help(argv[2])) {
			print_verb("usage: divvy-lab ", i);
			return EXIT_SUCCESS;
		}
		topo_set_keeper(&leftovers_keeper);
		r = proc_init();
		if (r < 0) {
			fprintf(stderr, "divvy-lab: %s\n", strerror(-r));
			return EXIT_FAILURE;
		}
		return verbs[i].run(argc - 1, argv + 1);
	}
	return usage_error("unknown verb", argv[1]);
}
