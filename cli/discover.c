// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy discover */

#include "cli.h"

#include <stdio.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key)) ?: "";

	return s[0] ? s : "-";
}

int verb_discover(int argc, char **argv)
{
	json_auto_t *result = NULL;
	const json_t *nic;
	int r = ask_or_dump(argc, argv, JSON_INDENT(2), &result);
	size_t i;

	if (r >= 0)
		return r;
	printf("%-15s %-8s %-5s %-20s %-18s %-18s %s\n", "NIC", "KIND", "OK", "VM", "VMM", "MODEL", "BACKPRESSURE");
	json_array_foreach(json_object_get(result, "nics"), i, nic) {
		const char *why = json_string_value(json_object_get(nic, "why")) ?: "";

		printf("%-15s %-8s %-5s %-20s %-18s %-18s %s%s%s\n", text(nic, "nic"), text(nic, "kind"),
		       json_is_true(json_object_get(nic, "schedulable")) ? "yes" : "no", text(nic, "vm"),
		       text(nic, "vmm"), text(nic, "model"), text(nic, "backpressure"), why[0] ? ": " : "", why);
	}
	return EXIT_SUCCESS;
}
