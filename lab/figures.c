/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * DIR/figures.json says of each scenario whether it is done; it is written anew after each, so that an
 * interrupted evaluation goes on where it was. A scenario's own directory holds what it found and its
 * messages (log.txt). The messages get there by exchanging standard output while it runs; what is left of the
 * terminal is one line with the time left, which is the estimate of what remains, corrected by how long the
 * scenarios so far took compared with theirs.
 */

#include "figures.h"

#include "base/cleanup.h"
#include "lab/proc/loop.h"
#include "lab/proc/versions.h"
#include "lab/record/report.h"
#include "lab/run/run.h"
#include "lab/run/scheduling.h"
#include "lab/scenario/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum state { STATE_PLANNED, STATE_DONE, STATE_FAILED };
static const char *const state_names[] = { "planned", "done", "failed" };

struct evaluation {
	const struct figures_options *o;
	struct catalog c;
	struct testbed testbed;
	json_t *doc;       /* figures.json */
	enum state *state; /* of each item */
	size_t at;         /* item under way */
	FILE *terminal;    /* standard output as it was */
	bool is_terminal;
	double spent_s, spent_estimated_s;
	char phase[200];   /* last said */
};

/* --- figures.json ---------------------------------------------------------------------------------- */

static void path_of(const struct evaluation *ev, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.2000s/%.200s", ev->o->out, name);
}

static json_t *known(const struct evaluation *ev, const char *name)
{
	json_t *list = json_object_get(ev->doc, "scenarios"), *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strcmp(json_string_value(json_object_get(item, "name")) ?: "", name) == 0)
			return item;
	return NULL;
}

static void describe(struct evaluation *ev)
{
	struct result r = {};

	result_describe(&r);
	json_object_set_new(ev->doc, "version", json_integer(1));
	json_object_set_new(ev->doc, "versions", versions_object());
	json_object_set_new(ev->doc, "quick", json_boolean(ev->o->quick));
	json_object_set_new(ev->doc, "commit", json_string(r.commit));
	json_object_set_new(ev->doc, "machine", json_string(r.machine));
	json_object_set_new(ev->doc, "kernel", json_string(r.host_kernel));
	json_object_set_new(ev->doc, "date", json_string(r.date));
	if (!json_object_get(ev->doc, "started"))
		json_object_set_new(ev->doc, "started", json_string(r.date));
	if (!json_object_get(ev->doc, "scenarios"))
		json_object_set_new(ev->doc, "scenarios", json_array());
}

static int save(struct evaluation *ev, struct errtext *e)
{
	char path[PATH_MAX], now[RESULT_DATE_SIZE];

	result_date(now);
	json_object_set_new(ev->doc, "ended", json_string(now));
	/* Containers need none, and are not all that was run. */
	if (ev->testbed.accel_why[0] && ev->testbed.accel != ACCEL_NONE)
		json_object_set_new(ev->doc, "accel", json_string(accel_name(ev->testbed.accel)));
	path_of(ev, "figures.json", path);
	if (json_dump_file(ev->doc, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0)
		return errtext_set(e, -EIO, "%.400s: cannot be written", path);
	return 0;
}

static int note(struct evaluation *ev, size_t i, enum state state, const char *why, double seconds,
		struct errtext *e)
{
	const struct catalog_item *item = &ev->c.items[i];
	json_t *o = known(ev, item->name);

	if (!o) {
		o = json_pack("{s:s}", "name", item->name);
		json_array_append_new(json_object_get(ev->doc, "scenarios"), o);
	}
	json_object_set_new(o, "section", json_string(item->section));
	json_object_set_new(o, "title", json_string(item->title));
	json_object_set_new(o, "state", json_string(state_names[state]));
	json_object_set_new(o, "why", why && *why ? json_string(why) : json_null());
	json_object_set_new(o, "seconds", json_real(seconds));
	ev->state[i] = state;
	return save(ev, e);
}

/* Without what this kernel has no parts for. */
static void correct_estimates(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct scenario *s = c->items[i].scenario;
		unsigned less = 0;

		for (size_t k = 0; s && k < s->n_phases; k++)
			if (s->phases[k].under &&
			    !scheduling_possible(s->phases[k].scheduler, (char[160]){}, 160))
				less += s->phases[k].seconds * s->repeat;
		c->items[i].seconds -= less;
	}
}

/*
 * What an earlier run has left. A full evaluation takes the place of a quick one, never the other way round.
 */
static int load(struct evaluation *ev, struct errtext *e)
{
	char path[PATH_MAX];
	int r;

	r = proc_runv(NULL, (const char *const[]){ "mkdir", "-p", ev->o->out, NULL }, NULL, NULL, e);
	if (r < 0)
		return r;
	path_of(ev, "figures.json", path);
	ev->doc = json_load_file(path, 0, NULL);
	if (ev->doc && ev->o->quick && json_is_false(json_object_get(ev->doc, "quick")))
		return errtext_set(e, -EEXIST, "%.300s holds a full evaluation, which a quick one does not replace: remove it, "
					       "or name another directory", ev->o->out);
	if (ev->doc && !ev->o->quick && json_is_true(json_object_get(ev->doc, "quick"))) {
		json_decref(ev->doc);
		ev->doc = NULL;
	}
	if (!ev->doc)
		ev->doc = json_object();
	ev->state = calloc(ev->c.n + 1, sizeof(*ev->state));
	if (!ev->doc || !ev->state)
		return errtext_set(e, -ENOMEM, "out of memory");
	describe(ev);
	for (size_t i = 0; i < ev->c.n; i++) {
		json_t *was = known(ev, ev->c.items[i].name);
		const char *state = was ? json_string_value(json_object_get(was, "state")) : NULL;

		if (!ev->o->fresh && state && strcmp(state, state_names[STATE_DONE]) == 0) {
			ev->state[i] = STATE_DONE;
			continue;
		}
		r = note(ev, i, STATE_PLANNED, NULL, 0, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- time ------------------------------------------------------------------------------------------ */

static double remaining_s(const struct evaluation *ev, double of_this_s)
{
	double factor = ev->spent_estimated_s > 0 ? ev->spent_s / ev->spent_estimated_s : 1, s = of_this_s;

	for (size_t i = ev->at + 1; i < ev->c.n; i++)
		if (ev->state[i] == STATE_PLANNED)
			s += ev->c.items[i].seconds;
	return s * factor;
}

static const char *duration(double s, char text[32])
{
	if (s < 90)
		snprintf(text, 32, "%.0f s", s);
	else if (s < 5400)
		snprintf(text, 32, "%.0f min", s / 60);
	else
		snprintf(text, 32, "%.1f h", s / 3600);
	return text;
}

/* On a terminal a line that is written over, each second; else a line for each phase. */
static void on_second(void *arg, const char *phase, unsigned done_s, unsigned total_s)
{
	struct evaluation *ev = arg;
	const struct catalog_item *item = &ev->c.items[ev->at];
	double left = item->seconds > done_s ? item->seconds * (1 - (double)done_s / (total_s + 1)) : 0;
	bool new_phase = strcmp(phase, ev->phase) != 0;
	char text[32];

	if (!new_phase && !ev->is_terminal)
		return;
	snprintf(ev->phase, sizeof(ev->phase), "%s", phase);
	fprintf(ev->terminal, "%s[%zu/%zu] %-12s %3u of %u s  %-32.32s %s left%s",
		ev->is_terminal ? "\r\033[K" : "", ev->at + 1, ev->c.n, item->name, done_s, total_s, phase,
		duration(remaining_s(ev, left), text), ev->is_terminal ? "" : "\n");
	fflush(ev->terminal);
}

/* --- one item -------------------------------------------------------------------------------------- */

static int has_ended(void *arg)
{
	return !proc_alive(*(pid_t *)arg, NULL);
}

/* A program may take three times what it says, and two minutes. */
static int run_program(const struct catalog_item *item, const char *dir, int log, struct errtext *e)
{
	char seconds[12], repeat[12];
	struct spawn s = SPAWN_INIT;
	int r, status = 0;
	pid_t pid;

	snprintf(seconds, sizeof(seconds), "%u", item->program_seconds);
	snprintf(repeat, sizeof(repeat), "%u", item->program_repeat);
	s.argv = (const char *const[]){ item->path, dir, seconds, repeat, NULL };
	s.out = s.err = log;
	r = proc_spawn(&s, &pid, e);
	if (r < 0)
		return r;
	r = loop_while(has_ended, &pid, clock_now_ns() + (3ULL * item->seconds + 120) * NSEC_PER_SEC);
	if (r == 0)
		proc_alive(pid, &status);
	else
		proc_stop(pid, SIGTERM, 5000, &status);
	if (r == -ETIMEDOUT)
		return errtext_set(e, r, "%s took more than three times as long as it says", item->name);
	if (r == 0 && status != 0)
		return errtext_set(e, -EREMOTEIO, "%s ended with %d: its last line is in log.txt", item->name,
				   WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return r;
}

/* Standard output goes into the scenario's log meanwhile. */
static int run_item(struct evaluation *ev, struct catalog_item *item, struct errtext *e)
{
	const struct run_watch watch = { record, on_second, ev };
	_cleanup_close_ int log = -1, back = -1;
	char dir[PATH_MAX], path[PATH_MAX];
	int r;

	path_of(ev, item->name, dir);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return errtext_set(e, -errno, "%.400s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%.4000s/summary.json", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%.4000s/log.txt", dir);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	back = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (log < 0 || back < 0)
		return errtext_set(e, -errno, "%.400s: %s", path, strerror(errno));
	ev->phase[0] = 0;
	on_second(ev, item->scenario ? "starting" : "under way", 0, item->seconds);
	fflush(stdout);
	dup2(log, STDOUT_FILENO);
	if (item->scenario)
		r = run_scenario(item->scenario, &ev->testbed, dir, &watch, e);
	else
		r = run_program(item, dir, log, e);
	fflush(stdout);
	dup2(back, STDOUT_FILENO);
	return r;
}

static int go_through(struct evaluation *ev, unsigned *failed, struct errtext *e)
{
	for (ev->at = 0; ev->at < ev->c.n; ev->at++) {
		struct catalog_item *item = &ev->c.items[ev->at];
		uint64_t from = clock_now_ns();
		struct errtext why = {};
		double seconds;
		int r;

		if (ev->state[ev->at] == STATE_DONE)
			continue;
		r = run_item(ev, item, &why);
		if (r == -EINTR || proc_interrupted())
			return errtext_set(e, -EINTR,
					   "interrupted; the same command goes on where this one was");
		seconds = (double)(clock_now_ns() - from) / 1e9;
		fprintf(ev->terminal, "%s[%zu/%zu] %-12s %s%s (%.0f s)\n", ev->is_terminal ? "\r\033[K" : "",
			ev->at + 1, ev->c.n, item->name, r < 0 ? "FAILED: " : "done", r < 0 ? why.text : "",
			seconds);
		fflush(ev->terminal);
		*failed += r < 0;
		ev->spent_s += seconds;
		ev->spent_estimated_s += item->seconds;
		r = note(ev, ev->at, r < 0 ? STATE_FAILED : STATE_DONE, r < 0 ? why.text : NULL, seconds, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void announce(struct evaluation *ev)
{
	unsigned seconds = 0, done = 0;
	char text[32];

	for (size_t i = 0; i < ev->c.n; i++) {
		done += ev->state[i] == STATE_DONE;
		seconds += ev->state[i] == STATE_DONE ? 0 : ev->c.items[i].seconds;
	}
	fprintf(ev->terminal, "%s evaluation: %zu scenarios, %u of them done before; about %s\n",
		ev->o->quick ? "quick" : "full", ev->c.n, done, duration(seconds, text));
	fflush(ev->terminal);
}

static void release(struct evaluation *ev)
{
	testbed_down(&ev->testbed);
	catalog_free(&ev->c);
	json_decref(ev->doc);
	free(ev->state);
	if (ev->terminal)
		fclose(ev->terminal);
}

int figures_run(const struct figures_options *o, unsigned *failed, struct errtext *e)
{
	_cleanup_(release) struct evaluation ev = { .o = o };
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int r;

	*failed = 0;
	ev.terminal = out < 0 ? NULL : fdopen(out, "w");
	if (!ev.terminal)
		return errtext_set(e, -errno, "standard output: %s", strerror(errno));
	ev.is_terminal = isatty(out);
	r = catalog_evaluation(o->only, o->quick, &ev.c, e);
	if (r == 0)
		r = load(&ev, e);
	if (r < 0)
		return r;
	correct_estimates(&ev.c);
	announce(&ev);
	return go_through(&ev, failed, e);
}
