// SPDX-License-Identifier: GPL-2.0-or-later
#include "dryrun.h"
#include "complain.h"
#include "table.h"

#include "base/cleanup.h"

#include <string.h>

int dryrun_options(int *argc, char **argv, struct dryrun *o)
{
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		if (argv[i][0] != '-' || argv[i][1] == '\0' || strchr(argv[i], '=')) {
			argv[n++] = argv[i];
		} else if (strcmp(argv[i], "--dry-run") == 0) {
			o->wanted = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
		} else {
			complain("unknown option \"%s\", expected --dry-run or --json", argv[i]);
			return -1;
		}
	}
	if (o->json && !o->wanted) {
		complain("--json goes with --dry-run");
		return -1;
	}
	argv[n] = NULL;
	*argc = n;
	return 0;
}

static const char *text(const json_t *step, const char *key)
{
	return json_string_value(json_object_get(step, key)) ?: "";
}

static bool has_several_uplinks(const json_t *steps)
{
	const json_t *step;
	size_t i;

	json_array_foreach (steps, i, step)
		if (strcmp(text(step, "uplink"), text(json_array_get(steps, 0), "uplink")) != 0)
			return true;
	return false;
}

static void put_cell(struct table *t, const char *content)
{
	table_cell(t, "%s", content[0] ? content : "-");
}

/* A step of an uplink itself has the uplink as its NIC. */
static void put_steps(const json_t *steps, FILE *to)
{
	static const char *const one_uplink[] = { "ACTION", "DEVICE", "NIC", "WHAT", NULL };
	static const char *const several_uplinks[] = { "ACTION", "UPLINK", "DEVICE", "NIC", "WHAT", NULL };
	bool several = has_several_uplinks(steps);
	_cleanup_(table_free) struct table t = { .headers = several ? several_uplinks : one_uplink };
	const json_t *step;
	size_t i;

	json_array_foreach (steps, i, step) {
		bool of_uplink = text(step, "device")[0] == '\0' && text(step, "nic")[0] == '\0';

		put_cell(&t, text(step, "action"));
		if (several)
			put_cell(&t, text(step, "uplink"));
		put_cell(&t, text(step, "device"));
		put_cell(&t, text(step, of_uplink ? "uplink" : "nic"));
		put_cell(&t, text(step, "text"));
	}
	table_print(&t, to, "", "");
}

int dryrun_print(const struct dryrun *o, FILE *to, const json_t *result)
{
	const json_t *steps = json_object_get(result, "steps");
	json_int_t devices = json_integer_value(json_object_get(result, "devices"));
	json_int_t bound = json_integer_value(json_object_get(result, "bound"));
	const json_t *note;
	size_t i;

	/* Programs pass over keys that they do not know, so did this one. */
	if (!json_is_array(steps))
		return complain("divvyd is older than divvy and knows no dry run: the change was made");
	if (o->json) {
		json_dumpf(result, to, JSON_INDENT(2));
		fputc('\n', to);
		return EXIT_SUCCESS;
	}
	if (json_array_size(steps) == 0) {
		fputs("nothing would change\n", to);
		return EXIT_SUCCESS;
	}
	put_steps(steps, to);
	json_array_foreach (json_object_get(result, "notes"), i, note)
		fprintf(to, "note: %s\n", json_string_value(note) ?: "");
	fprintf(to, "nothing was changed: %lld of %lld device%s would be bound\n", (long long)bound,
		(long long)devices, devices == 1 ? "" : "s");
	return EXIT_SUCCESS;
}
