/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Two folders of results side by side. */

#include "base/cleanup.h"
#include "lab/compare.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char a[64], b[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->a, "/tmp/divvy-compare-a-XXXXXX");
	strcpy(f->b, "/tmp/divvy-compare-b-XXXXXX");
	*state = f;
	return mkdtemp(f->a) && mkdtemp(f->b) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[200];
	int r;

	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", f->a, f->b);
	r = system(command);
	free(f);
	return r;
}

/* A scenario with a repetition for each total. */
static void result(const char *dir, const char *name, const double *total, size_t n)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0777), 0);
	snprintf(path, sizeof(path), "%s/%s/summary.json", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "{\"scenario\": \"%s\", \"phases\": [", name);
	for (size_t i = 0; i < n; i++)
		fprintf(f,
			"%s{\"under\": \"device\", \"step\": \"all\", \"scheduler\": \"divvy\", \"repetition\": "
			"%zu, "
			"\"total_mbps\": %g, \"vms\": []}",
			i ? "," : "", i + 1, total[i]);
	fprintf(f, "]}\n");
	fclose(f);
}

static const char *row(json_t *o, const char *scenario)
{
	json_t *r;
	size_t i;

	json_array_foreach(json_object_get(o, "rows"), i, r)
		if (strcmp(json_string_value(json_object_get(r, "scenario")), scenario) == 0)
			return json_string_value(json_object_get(r, "verdict"));
	return NULL;
}

static void compares(void **state)
{
	struct fixture *f = *state;
	struct errtext e = {};
	json_t *o = NULL, *first;

	result(f->a, "apart", (const double[]){ 10, 12, 11 }, 3);
	result(f->b, "apart", (const double[]){ 7, 9, 8 }, 3);
	result(f->a, "level", (const double[]){ 10, 12, 11 }, 3);
	result(f->b, "level", (const double[]){ 12, 13, 14 }, 3);
	result(f->a, "more", (const double[]){ 10, 12, 11 }, 3);
	result(f->b, "more", (const double[]){ 12.5, 13, 14 }, 3);
	result(f->a, "once", (const double[]){ 10 }, 1);
	result(f->b, "once", (const double[]){ 12 }, 1);
	result(f->a, "gone", (const double[]){ 10 }, 1);
	result(f->b, "new", (const double[]){ 10 }, 1);
	assert_int_equal(compare_folders(f->a, f->b, &o, &e), 0);
	assert_int_equal(json_array_size(json_object_get(o, "rows")), 4);
	assert_string_equal(row(o, "apart"), "lower");
	assert_string_equal(row(o, "level"), "level");
	assert_string_equal(row(o, "more"), "higher");
	assert_string_equal(row(o, "once"), "one run: higher");
	first = json_array_get(json_object_get(o, "rows"), 0);
	assert_float_equal(json_number_value(json_object_get(first, "difference")), -3, 1e-9);
	assert_string_equal(json_string_value(json_object_get(first, "measure")), "total_mbps");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "only_a"), 0)), "gone");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "only_b"), 0)), "new");
	json_decref(o);
}

static void compares_single_scenarios(void **state)
{
	struct fixture *f = *state;
	struct errtext e = {};
	char a[100], b[100];
	json_t *o = NULL;

	result(f->a, "one", (const double[]){ 10, 11 }, 2);
	result(f->b, "one", (const double[]){ 10, 11 }, 2);
	snprintf(a, sizeof(a), "%s/one", f->a);
	snprintf(b, sizeof(b), "%s/one", f->b);
	assert_int_equal(compare_folders(a, b, &o, &e), 0);
	assert_string_equal(row(o, "one"), "level");
	json_decref(o);
	assert_int_equal(compare_folders(a, "/nowhere", &o, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(compares, setup, teardown),
		cmocka_unit_test_setup_teardown(compares_single_scenarios, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
