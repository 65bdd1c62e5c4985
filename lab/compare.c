/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compare.h"

#include "book_measure.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXIT_USAGE 2
#define DIGITS 9

static void decrefp(json_t **o)
{
	json_decref(*o);
}

/* B beside A, by its value alone: what is better depends on the measure. */
static const char *verdict(struct spread a, struct spread b)
{
	if (a.n == 1 || b.n == 1)
		return b.r.median < a.r.median	? "one run: lower" :
		       b.r.median > a.r.median ? "one run: higher" :
						 "one run: equal";
	switch (verdict_of(b, a)) {
	case VERDICT_FIRST:
		return "lower";
	case VERDICT_BEHIND:
		return "higher";
	default:
		return "level";
	}
}

static json_t *range(struct spread v)
{
	return json_pack("{s:f,s:f,s:f,s:i}", "median", v.r.median, "min", v.r.min, "max", v.r.max, "n",
			 (int)v.n);
}

static void add_pair(const struct book_scenario *a, const struct book_scenario *b, const char *under,
		     const char *step, json_t *rows)
{
	for (enum measure m = 0; m < MEASURES; m++) {
		struct spread va = measure_spread(a, under, step, m), vb = measure_spread(b, under, step, m);

		if (va.n && vb.n)
			json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:f,s:s}", "scenario",
							      a->name, "under", under, "step", step, "measure",
							      measure_kinds[m].key, "a", range(va), "b", range(vb),
							      "difference", vb.r.median - va.r.median, "verdict",
							      verdict(va, vb)));
	}
}

static void add_rows(const struct book_scenario *a, const struct book_scenario *b, json_t *rows)
{
	for (size_t i = 0; i < a->n_under; i++)
		for (size_t k = 0; k < a->n_steps; k++)
			if (book_phase(a, a->under[i], a->step[k], 0) &&
			    book_phase(b, a->under[i], a->step[k], 0))
				add_pair(a, b, a->under[i], a->step[k], rows);
}

static json_t *missing(const struct book *from, const struct book *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < from->n_scenarios; i++)
		if (from->scenarios[i].summary && !book_find(in, from->scenarios[i].name))
			json_array_append_new(list, json_string(from->scenarios[i].name));
	return list;
}

int compare_folders(const char *a, const char *b, json_t **ret, struct errtext *e)
{
	_cleanup_(book_freep) struct book *one = NULL, *two = NULL;
	_cleanup_(decrefp) json_t *rows = json_array();
	int r = book_load(a, &one, e);

	if (r == 0)
		r = book_load(b, &two, e);
	if (r != 0)
		return r;
	for (size_t i = 0; i < one->n_scenarios; i++) {
		const struct book_scenario *s = &one->scenarios[i], *other = book_find(two, s->name);

		if (s->summary && other)
			add_rows(s, other, rows);
	}
	*ret = json_pack("{s:s,s:s,s:O,s:o,s:o}", "a", a, "b", b, "rows", rows, "only_a", missing(one, two),
			 "only_b", missing(two, one));
	return *ret ? 0 : errtext_set(e, -ENOMEM, "out of memory");
}

/* --- on a terminal ------------------------------------------------------------------------------- */

static const struct measure_kind *kind_of(const char *key)
{
	for (size_t m = 0; m < MEASURES; m++)
		if (strcmp(measure_kinds[m].key, key) == 0)
			return &measure_kinds[m];
	return &measure_kinds[0];
}

static struct spread read_range(const json_t *row, const char *side)
{
	const json_t *o = json_object_get(row, side);

	return (struct spread){ { book_number(o, "median"), book_number(o, "min"), book_number(o, "max") },
				(unsigned)book_number(o, "n") };
}

static void print_row(const json_t *row)
{
	const struct measure_kind *kind = kind_of(book_text(row, "measure"));
	char a[80], b[80];

	printf("  %-22s %24s %24s  %+10.*f  %s\n", kind->head,
	       spread_text(read_range(row, "a"), kind->digits, a, sizeof(a)),
	       spread_text(read_range(row, "b"), kind->digits, b, sizeof(b)), kind->digits,
	       book_number(row, "difference"), book_text(row, "verdict"));
}

static void print_names(const char *what, const json_t *names)
{
	json_t *name;
	size_t i;

	if (json_array_size(names) == 0)
		return;
	printf("\n%s:", what);
	json_array_foreach(names, i, name)
		printf(" %s", json_string_value(name));
	printf("\n");
}

static void print(const json_t *o)
{
	const char *scenario = "", *under = "", *step = "";
	json_t *row;
	size_t i;

	printf("A: %s\nB: %s\n", book_text(o, "a"), book_text(o, "b"));
	json_array_foreach(json_object_get(o, "rows"), i, row) {
		const char *s = book_text(row, "scenario"), *u = book_text(row, "under"),
			   *t = book_text(row, "step");

		if (strcmp(s, scenario) != 0 || strcmp(u, under) != 0 || strcmp(t, step) != 0)
			printf("\n%s, %s%s%s\n  %-22s %24s %24s  %10s  B is\n", s, u, *t ? ": " : "", t, "",
			       "A", "B", "B - A");
		scenario = s;
		under = u;
		step = t;
		print_row(row);
	}
	print_names("only in A", json_object_get(o, "only_a"));
	print_names("only in B", json_object_get(o, "only_b"));
	printf("\n(median [smallest..largest] of the repetitions; level: the ranges overlap. Figures of VMs are "
	       "the worst VM's.)\n");
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "divvy-lab: compare: %s%s%s; usage: divvy-lab compare A B [--json]\n", what,
		which ? ": " : "", which ?: "");
	return EXIT_USAGE;
}

int compare_verb(int argc, char **argv)
{
	_cleanup_(decrefp) json_t *o = NULL;
	const char *dir[2] = {};
	struct errtext e = {};
	size_t n = 0;
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (argv[i][0] == '-')
			return usage_error("unknown option", argv[i]);
		else if (n == 2)
			return usage_error("two folders were expected", argv[i]);
		else
			dir[n++] = argv[i];
	}
	if (n < 2)
		return usage_error("two folders were expected", NULL);
	if (compare_folders(dir[0], dir[1], &o, &e) < 0) {
		fprintf(stderr, "divvy-lab: %s\n", e.text);
		return EXIT_FAILURE;
	}
	if (json_array_size(json_object_get(o, "rows")) == 0) {
		fprintf(stderr, "divvy-lab: %s and %s have no scenario, item and step in common\n", dir[0],
			dir[1]);
		return EXIT_FAILURE;
	}
	if (json) {
		json_dumpf(o, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
		printf("\n");
	} else {
		print(o);
	}
	return EXIT_SUCCESS;
}
