// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy discover */

#include "cli.h"
#include "ask.h"
#include "complain.h"
#include "table.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key)) ?: "";

	return s[0] ? s : "-";
}

/* A tap that the kernel's vhost worker serves; "vhost" is as good as "tap" there. */
static const char *kind(const json_t *nic)
{
	return json_is_true(json_object_get(nic, "vhost")) ? "vhost" : text(nic, "kind");
}

static const char *const headers[] = { "NIC", "KIND",  "OK",           "DEVICE", "VM", "MAC",
				       "VMM", "MODEL", "BACKPRESSURE", NULL };

/* divvy discover --spec: a specification, to be written to a file. */
static int print_spec(void)
{
	json_auto_t *result = NULL;

	if (ask("discover", json_pack("{s:b}", "spec", 1), &result) < 0)
		return EXIT_FAILURE;
	if (!json_is_string(json_object_get(result, "text")))
		return complain("this divvyd is older than divvy, and does not know --spec");
	fputs(json_string_value(json_object_get(result, "text")), stdout);
	return EXIT_SUCCESS;
}

int verb_discover(int argc, char **argv)
{
	_cleanup_(table_free) struct table t = { .headers = headers };
	json_auto_t *result = NULL;
	const json_t *nic, *warning;
	size_t i;
	int r;

	if (argc == 2 && strcmp(argv[1], "--spec") == 0)
		return print_spec();
	r = ask_or_dump(argc, argv, JSON_INDENT(2), &result);
	if (r >= 0)
		return r;
	json_array_foreach(json_object_get(result, "nics"), i, nic) {
		const char *why = json_string_value(json_object_get(nic, "why")) ?: "";
		bool schedulable = json_is_true(json_object_get(nic, "schedulable"));

		table_cell(&t, "%s", text(nic, "nic"));
		table_cell(&t, "%s", kind(nic));
		table_cell(&t, "%s", schedulable ? "yes" : "no");
		table_cell(&t, "%s", text(nic, "device"));
		table_cell(&t, "%s", text(nic, "vm"));
		table_cell(&t, "%s", text(nic, "mac"));
		table_cell(&t, "%s", text(nic, "vmm"));
		table_cell(&t, "%s", text(nic, "model"));
		table_cell(&t, "%s", text(nic, "backpressure"));
		if (why[0])
			table_line(&t, "  %s: %s", schedulable ? "no backpressure" : "cannot be divided",
				   why);
		if (strcmp(text(nic, "idle"), "-") != 0)
			table_line(&t, "  no packets come: %s", text(nic, "idle"));
	}
	table_print(&t, stdout, "", "");
	json_array_foreach(json_object_get(result, "warnings"), i, warning)
		printf("Warning: %s\n", json_string_value(warning) ?: "");
	return EXIT_SUCCESS;
}
