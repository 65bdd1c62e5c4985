/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "catalog.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "lab/proc/programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * What a scenario takes beside its phases, seconds: VMs and daemon, evaluation and plots; and each start of
 * traffic.
 */
#define AROUND_S 5
#define START_S 1

static bool has_figure(const struct scenario *s, const char *name)
{
	unsigned n;
	int end = 0;

	if (sscanf(name, "fig%u%n", &n, &end) != 1 || name[end] || n == 0)
		return false;
	for (size_t i = 0; i < SCENARIO_FIGURES_MAX && s->figures[i]; i++)
		if (s->figures[i] == n)
			return true;
	return false;
}

int catalog_files(const char *pattern, glob_t *g)
{
	char all[PATH_MAX];

	snprintf(all, sizeof(all), "%.4000s/%s", program_scenarios(), pattern);
	return glob(all, 0, NULL, g) == 0 ? 0 : -ENOENT;
}

/* The scenario that redraws a figure. */
static bool find_figure(const char *name, char path[PATH_MAX])
{
	bool found = false;
	glob_t g;

	if (catalog_files("fig*.yaml", &g) < 0)
		return false;
	for (size_t i = 0; !found && i < g.gl_pathc; i++) {
		_cleanup_(scenario_freep) struct scenario *s = NULL;

		if (scenario_load(g.gl_pathv[i], &s, NULL) < 0 || !has_figure(s, name))
			continue;
		snprintf(path, PATH_MAX, "%s", g.gl_pathv[i]);
		found = true;
	}
	globfree(&g);
	return found;
}

void catalog_path(const char *name, char path[PATH_MAX])
{
	if (strchr(name, '/') || strstr(name, ".yaml")) {
		snprintf(path, PATH_MAX, "%s", name);
		return;
	}
	snprintf(path, PATH_MAX, "%.3800s/%.200s.yaml", program_scenarios(), name);
	if (access(path, F_OK) < 0 && strncmp(name, "fig", 3) == 0)
		find_figure(name, path);
}

/* --- the evaluation -------------------------------------------------------------------------------- */

static struct catalog_item *add(struct catalog *c)
{
	if (array_reserve(&c->items, c->n, sizeof(*c->items)) < 0)
		return NULL;
	c->items[c->n] = (struct catalog_item){};
	return &c->items[c->n++];
}

static unsigned estimate(const struct scenario *s)
{
	unsigned starts = 0;

	for (size_t k = 0; k < s->n_phases; k++)
		starts += s->phases[k].fresh;
	return scenario_seconds(s) + START_S * starts * s->repeat + AROUND_S + (s->half_demand ? 8 : 0);
}

static int add_scenario(struct catalog *c, const char *path, bool quick, struct errtext *e)
{
	_cleanup_(scenario_freep) struct scenario *s = NULL;
	struct catalog_item *item;
	int r = scenario_load(path, &s, e);

	if (r < 0)
		return r;
	if (!s->section || (quick && scenario_make_quick(s) < 0))
		return 0;
	item = add(c);
	if (!item)
		return errtext_set(e, -ENOMEM, "out of memory");
	snprintf(item->name, sizeof(item->name), "%s", s->name);
	snprintf(item->path, sizeof(item->path), "%s", path);
	snprintf(item->section, sizeof(item->section), "%s", s->section);
	snprintf(item->title, sizeof(item->title), "%s", s->title);
	item->seconds = estimate(s);
	item->scenario = TAKE_PTR(s);
	return 0;
}

/*
 * A program says what it is in its first comments: "# title: ...", "# section: ...", "# seconds: 120", "#
 * quick: 40".
 */
static void read_header(struct catalog_item *item, unsigned *quick_seconds)
{
	FILE *f = fopen(item->path, "re");
	char line[300];

	*quick_seconds = 0;
	for (int k = 0; f && k < 20 && fgets(line, sizeof(line), f); k++) {
		line[strcspn(line, "\n")] = 0;
		sscanf(line, "# title: %199[^\n]", item->title);
		sscanf(line, "# section: %15s", item->section);
		sscanf(line, "# seconds: %u", &item->seconds);
		sscanf(line, "# quick: %u", quick_seconds);
	}
	if (f)
		fclose(f);
}

static int add_program(struct catalog *c, const char *path, bool quick, struct errtext *e)
{
	struct catalog_item *item = add(c);
	const char *name = strrchr(path, '/') + 1;
	unsigned quick_seconds;

	if (!item)
		return errtext_set(e, -ENOMEM, "out of memory");
	snprintf(item->name, sizeof(item->name), "%.*s", (int)strcspn(name, "."), name);
	snprintf(item->path, sizeof(item->path), "%s", path);
	read_header(item, &quick_seconds);
	item->program_seconds = quick ? 4 : 5;
	item->program_repeat = quick ? 1 : 3;
	if (quick)
		item->seconds = quick_seconds;
	if (!item->section[0] || item->seconds == 0)
		c->n--; /* not of the evaluation, or not of a quick one */
	return 0;
}

static int add_all(struct catalog *c, const char *pattern, bool quick,
		   int (*one)(struct catalog *, const char *, bool, struct errtext *), struct errtext *e)
{
	glob_t g;
	int r = 0;

	if (catalog_files(pattern, &g) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
		r = one(c, g.gl_pathv[i], quick, e);
	globfree(&g);
	return r;
}

/* Within a section few VMs come before many, so that those that run can be used again. */
static int compare(const void *a, const void *b)
{
	const struct catalog_item *x = a, *y = b;
	/* A program's section may be none that there is: it comes last. */
	unsigned px = (unsigned)scenario_section(x->section), py = (unsigned)scenario_section(y->section);
	size_t nx = x->scenario ? x->scenario->n_guests : 99, ny = y->scenario ? y->scenario->n_guests : 99;

	if (px != py)
		return px < py ? -1 : 1;
	if (nx != ny)
		return nx < ny ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool means(const char *word, const struct catalog_item *item)
{
	return strcmp(word, item->section) == 0 || strncmp(word, item->name, strlen(word)) == 0 ||
	       (item->scenario && has_figure(item->scenario, word));
}

static int keep_only(struct catalog *c, const char *only, struct errtext *e)
{
	_cleanup_free_ bool *keep = calloc(c->n + 1, sizeof(*keep));
	_cleanup_free_ char *words = strdup(only);
	char *save = NULL;
	size_t kept = 0;

	if (!keep || !words)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (char *w = strtok_r(words, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		bool known = false;

		for (size_t i = 0; i < c->n; i++)
			if (means(w, &c->items[i]))
				known = keep[i] = true;
		if (!known)
			return errtext_set(e, -EINVAL,
					   "\"%.60s\" is no part of the evaluation: expected figures, promises, "
					   "peers, video, guests, fig01, or a name of \"divvy-lab list\"",
					   w);
	}
	for (size_t i = 0; i < c->n; i++) {
		if (keep[i])
			c->items[kept++] = c->items[i];
		else
			scenario_free(c->items[i].scenario);
	}
	c->n = kept;
	return 0;
}

int catalog_evaluation(const char *only, bool quick, struct catalog *ret, struct errtext *e)
{
	_cleanup_(catalog_free) struct catalog c = {};
	int r = add_all(&c, "*.yaml", quick, add_scenario, e);

	if (r == 0)
		r = add_all(&c, "*.sh", quick, add_program, e);
	if (r < 0)
		return r;
	if (c.n)
		qsort(c.items, c.n, sizeof(*c.items), compare);
	if (only && *only)
		r = keep_only(&c, only, e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct catalog){};
	return 0;
}

void catalog_free(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		scenario_free(c->items[i].scenario);
	free(c->items);
	*c = (struct catalog){};
}
