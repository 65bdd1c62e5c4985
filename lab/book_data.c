/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_data.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void forget(struct book_scenario *s)
{
	free(s->name);
	free(s->section);
	free(s->title);
	free(s->why);
	free(s->dir);
	json_decref(s->summary);
}

struct book *book_free(struct book *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < b->n_scenarios; i++)
		forget(&b->scenarios[i]);
	free(b->scenarios);
	free(b->dir);
	json_decref(b->figures);
	free(b);
	return NULL;
}

void book_freep(struct book **b)
{
	*b = book_free(*b);
}

/* 0, -ENOENT without a text, or -EINVAL with one. */
static int load_json(const char *path, json_t **ret, struct errtext *e)
{
	json_error_t error;
	json_t *o;

	if (access(path, F_OK) < 0)
		return -ENOENT;
	o = json_load_file(path, 0, &error);
	if (!o)
		return errtext_set(e, -EINVAL, "%.300s:%d: %.150s", path, error.line, error.text);
	if (!json_is_object(o)) {
		json_decref(o);
		return errtext_set(e, -EINVAL, "%.300s: not a JSON object", path);
	}
	*ret = o;
	return 0;
}

static void add_name(const char **list, size_t *n, size_t max, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i], name) == 0)
			return;
	if (*n < max)
		list[(*n)++] = name;
}

static void index_phases(struct book_scenario *s)
{
	json_t *phase;
	size_t i;

	json_array_foreach(json_object_get(s->summary, "phases"), i, phase) {
		add_name(s->under, &s->n_under, BOOK_UNDERS_MAX, phase_under(phase));
		add_name(s->step, &s->n_steps, BOOK_STEPS_MAX, phase_step(phase));
	}
}

static int read_summary(struct book_scenario *s, struct errtext *e)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%.4000s/summary.json", s->dir);
	r = load_json(path, &s->summary, e);
	if (r < 0)
		return r;
	index_phases(s);
	return 0;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* Room for one more, with a name; its directory is DIR/NAME, or DIR itself. */
static struct book_scenario *add(struct book *b, const char *name, const char *dir)
{
	struct book_scenario *more = reallocarray(b->scenarios, b->n_scenarios + 1, sizeof(*more)), *s;

	if (!more)
		return NULL;
	b->scenarios = more;
	s = &more[b->n_scenarios];
	*s = (struct book_scenario){ .name = strdup(name) };
	if (!s->name || (dir ? !(s->dir = strdup(dir)) : asprintf(&s->dir, "%s/%s", b->dir, name) < 0)) {
		free(s->name);
		return NULL;
	}
	b->n_scenarios++;
	return s;
}

static enum book_state state_of(const char *text)
{
	static const char *const names[] = { [BOOK_DONE] = "done", [BOOK_FAILED] = "failed",
					     [BOOK_PLANNED] = "planned", [BOOK_SKIPPED] = "skipped" };

	for (size_t i = 0; text && i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum book_state)i;
	return BOOK_PLANNED;
}

static int scenarios_of_driver(struct book *b, struct errtext *e)
{
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(b->figures, "scenarios"), i, o) {
		const char *name = book_text(o, "name");
		struct book_scenario *s;
		int r;

		if (!name || strchr(name, '/'))
			return errtext_set(e, -EINVAL, "%.300s/figures.json: scenario %zu: a name was expected",
					   b->dir, i);
		s = add(b, name, NULL);
		if (!s)
			return errtext_set(e, -ENOMEM, "out of memory");
		s->section = copy(book_text(o, "section"));
		s->title = copy(book_text(o, "title"));
		s->why = copy(book_text(o, "why"));
		s->state = state_of(book_text(o, "state"));
		r = read_summary(s, e);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == -ENOENT && s->state == BOOK_DONE) {
			s->state = BOOK_FAILED;
			free(s->why);
			s->why = strdup("marked as done, but there is no summary.json");
		}
	}
	return 0;
}

/* Without a driver's list: whatever has a summary. */
static int scenario_of_folder(struct book *b, const char *name, const char *dir, struct errtext *e)
{
	struct book_scenario *s = add(b, name, dir);
	int r;

	if (!s)
		return errtext_set(e, -ENOMEM, "out of memory");
	r = read_summary(s, e);
	if (r < 0) {
		forget(s);
		b->n_scenarios--;
		return r == -ENOENT ? 0 : r;
	}
	s->section = copy(book_text(s->summary, "section"));
	s->title = copy(book_text(s->summary, "title"));
	if (dir) {
		free(s->name);
		s->name = copy(book_text(s->summary, "scenario") ?: name);
	}
	return 0;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int scenarios_of_folders(struct book *b, struct errtext *e)
{
	struct dirent **entries;
	int n, r = 0;

	n = scandir(b->dir, &entries, visible, alphasort);
	if (n < 0)
		return errtext_set(e, -errno, "%.400s: %s", b->dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = scenario_of_folder(b, entries[i]->d_name, NULL, e);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int book_load(const char *dir, struct book **ret, struct errtext *e)
{
	_cleanup_(book_freep) struct book *b = calloc(1, sizeof(*b));
	char path[PATH_MAX];
	int r;

	if (!b || !(b->dir = strdup(dir)))
		return errtext_set(e, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%.4000s/figures.json", dir);
	r = load_json(path, &b->figures, e);
	if (r == 0) {
		r = scenarios_of_driver(b, e);
	} else if (r == -ENOENT) {
		r = scenario_of_folder(b, dir, dir, e);
		if (r == 0 && b->n_scenarios == 0)
			r = scenarios_of_folders(b, e);
	}
	if (r < 0)
		return r;
	if (b->n_scenarios == 0)
		return errtext_set(e, -ENOENT,
				   "%.300s: no figures.json and no summary.json in it or below it; a folder "
				   "written by \"divvy-lab figures\" or \"run\" was expected",
				   dir);
	*ret = TAKE_PTR(b);
	return 0;
}

const struct book_scenario *book_find(const struct book *b, const char *name)
{
	for (size_t i = 0; i < b->n_scenarios; i++)
		if (b->scenarios[i].summary && strcmp(b->scenarios[i].name, name) == 0)
			return &b->scenarios[i];
	return NULL;
}

const struct book_scenario *book_next(const struct book *b, const char *section,
				      const struct book_scenario *after)
{
	for (const struct book_scenario *s = after ? after + 1 : b->scenarios;
	     s < b->scenarios + b->n_scenarios; s++)
		if (s->summary && s->section && strcmp(s->section, section) == 0)
			return s;
	return NULL;
}
