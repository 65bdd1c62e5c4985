/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a summary says of its phases, and their repetitions together. */

#include "book_data.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define REPETITIONS_MAX 100

static const json_t *at(const json_t *o, const char *path)
{
	while (o && *path) {
		char key[64];
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		o = json_object_get(o, key);
		path += n + (path[n] == '.');
	}
	return o;
}

double book_number(const json_t *o, const char *path)
{
	const json_t *v = at(o, path);

	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

const char *book_text(const json_t *o, const char *path)
{
	return json_string_value(at(o, path));
}

const char *phase_under(const json_t *phase)
{
	const char *under = book_text(phase, "under"), *scheduler = book_text(phase, "scheduler");
	const char *schedule = book_text(phase, "schedule");

	if (under)
		return under;
	if (!scheduler || strcmp(scheduler, "none") == 0)
		return "nothing";
	if (strcmp(scheduler, "divvy") == 0)
		return "device";
	if (strcmp(scheduler, "cpu") != 0)
		return scheduler;
	return !schedule || strstr(schedule, "policy: paper") ? "CPU slots" : schedule;
}

const char *phase_step(const json_t *phase)
{
	const char *step = book_text(phase, "step");

	if (!step && !book_text(phase, "under"))
		step = book_text(phase, "name");
	return step ?: "";
}

const char *phase_skipped(const json_t *phase)
{
	return book_text(phase, "skipped");
}

bool phase_idle(const json_t *phase)
{
	return json_is_true(json_object_get(phase, "idle"));
}

unsigned phase_repetition(const json_t *phase)
{
	double n = book_number(phase, "repetition");

	return isnan(n) ? 1 : (unsigned)n;
}

const json_t *book_phase(const struct book_scenario *s, const char *under, const char *step, size_t i)
{
	json_t *phase;
	size_t k;

	json_array_foreach(json_object_get(s->summary, "phases"), k,
			   phase)
		if (under && strcmp(phase_under(phase), under) == 0 &&
		    (!step || strcmp(phase_step(phase), step) == 0) && i-- == 0)
			return phase;
	return NULL;
}

enum under_kind book_under_kind(const struct book_scenario *s, const char *under)
{
	const json_t *phase = book_phase(s, under, NULL, 0);
	const char *scheduler = book_text(phase, "scheduler"), *schedule = book_text(phase, "schedule");

	if (!scheduler || strcmp(scheduler, "none") == 0)
		return strcmp(under, "nothing") == 0 ? UNDER_NOTHING : UNDER_PEER;
	if (strcmp(scheduler, "divvy") == 0)
		return UNDER_DEVICE;
	if (strcmp(scheduler, "cpu") != 0)
		return UNDER_PEER;
	return strcmp(under, "CPU slots") == 0 || (schedule && strstr(schedule, "policy: paper")) ?
		       UNDER_CPU :
		       UNDER_CPU_BEST;
}

const char *book_under_of(const struct book_scenario *s, enum under_kind kind)
{
	for (size_t i = 0; i < s->n_under; i++)
		if (book_under_kind(s, s->under[i]) == kind)
			return s->under[i];
	return NULL;
}

unsigned book_repetitions(const struct book_scenario *s)
{
	double n = book_number(s->summary, "repetitions");

	return isnan(n) || n < 1 ? 1 : (unsigned)n;
}

bool book_loaded(const struct book_scenario *s)
{
	return !json_is_false(json_object_get(s->summary, "loaded"));
}

/* Any phase that ran. */
static const json_t *some_vms(const struct book_scenario *s)
{
	json_t *phase;
	size_t k;

	json_array_foreach(json_object_get(s->summary, "phases"), k, phase)
		if (json_array_size(json_object_get(phase, "vms")) > 0)
			return json_object_get(phase, "vms");
	return NULL;
}

size_t book_n_vms(const struct book_scenario *s)
{
	return json_array_size(some_vms(s));
}

const char *book_vm_name(const struct book_scenario *s, size_t vm)
{
	return book_text(json_array_get(some_vms(s), vm), "name") ?: "?";
}

bool book_traffic(const struct book_scenario *s, const char *kind)
{
	const json_t *vms = some_vms(s);
	json_t *vm;
	size_t i;

	json_array_foreach(vms, i, vm) {
		const char *traffic = book_text(vm, "traffic");

		if (traffic && strncmp(traffic, kind, strlen(kind)) == 0)
			return true;
	}
	return false;
}

struct spread book_spread(const struct book_scenario *s, const char *under, const char *step,
			  double (*f)(const json_t *phase, const void *data), const void *data)
{
	double v[REPETITIONS_MAX];
	const json_t *phase;
	struct spread out = {};

	for (size_t i = 0; (phase = book_phase(s, under, step, i)) && out.n < REPETITIONS_MAX; i++) {
		double x = phase_skipped(phase) ? (double)NAN : f(phase, data);

		if (isfinite(x))
			v[out.n++] = x;
	}
	out.r = range_of(v, out.n);
	return out;
}

struct wanted {
	int vm;
	const char *path;
};

static double by_path(const json_t *phase, const void *data)
{
	const struct wanted *w = data;

	return book_number(w->vm < 0 ? phase : json_array_get(json_object_get(phase, "vms"), (size_t)w->vm),
			   w->path);
}

struct spread book_spread_path(const struct book_scenario *s, const char *under, const char *step, int vm,
			       const char *path)
{
	return book_spread(s, under, step, by_path, &(const struct wanted){ vm, path });
}

struct spread spread_scaled(struct spread s, double factor)
{
	s.r.median *= factor;
	s.r.min *= factor;
	s.r.max *= factor;
	return s;
}

enum verdict verdict_of(struct spread ours, struct spread theirs)
{
	if (ours.n == 0 || theirs.n == 0)
		return VERDICT_NONE;
	if (ours.n == 1 || theirs.n == 1)
		return ours.r.median <= theirs.r.median ? VERDICT_ONE_LOWER : VERDICT_ONE_HIGHER;
	if (ours.r.max < theirs.r.min)
		return VERDICT_FIRST;
	return ours.r.min > theirs.r.max ? VERDICT_BEHIND : VERDICT_LEVEL;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = { [VERDICT_NONE] = "-",
					     [VERDICT_FIRST] = "first",
					     [VERDICT_LEVEL] = "level",
					     [VERDICT_BEHIND] = "behind",
					     [VERDICT_ONE_LOWER] = "one run: lower",
					     [VERDICT_ONE_HIGHER] = "one run: higher" };

	return names[v];
}
