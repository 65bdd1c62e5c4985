// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy slots */

#include "cli.h"
#include "ask.h"
#include "table.h"

#include "base/cleanup.h"

#include <stdio.h>

/* Enough to see a pattern. */
#define TURNS_SHOWN 40

static const char *const headers[] = { ">START s", ">LENGTH ms", ">USED ms", ">PROCESS", "VM", NULL };

/* The name of the VM that has this process now; "-": none has. */
static const char *vm_of(const json_t *status, json_int_t pid)
{
	const json_t *uplink, *device;
	size_t i, j;

	json_array_foreach(json_object_get(status, "uplinks"), i, uplink)
		json_array_foreach(json_object_get(uplink, "devices"), j, device) {
			const json_t *vm = json_object_get(device, "vm");

			if (json_integer_value(json_object_get(vm, "pid")) == pid)
				return json_string_value(json_object_get(vm, "name")) ?: "-";
		}
	return "-";
}

int verb_slots(int argc, char **argv)
{
	_cleanup_(table_free) struct table t = { .headers = headers };
	json_auto_t *result = NULL, *status = NULL;
	const json_t *turns;
	int r = ask_or_dump(argc, argv, JSON_COMPACT, &result);
	size_t n;

	if (r >= 0)
		return r;
	if (ask("status", NULL, &status) < 0)
		return EXIT_FAILURE;
	turns = json_object_get(result, "turns");
	n = json_array_size(turns);
	for (size_t i = n > TURNS_SHOWN ? n - TURNS_SHOWN : 0; i < n; i++) {
		const json_t *turn = json_array_get(turns, i);
		json_int_t start = json_integer_value(json_object_get(turn, "start_ns"));
		json_int_t end = json_integer_value(json_object_get(turn, "end_ns"));
		json_int_t pid = json_integer_value(json_object_get(turn, "pid"));

		table_cell(&t, "%.6f", (double)start / 1e9);
		table_cell(&t, "%.3f", (double)(end - start) / 1e6);
		table_cell(&t, "%.3f", (double)json_integer_value(json_object_get(turn, "used_ns")) / 1e6);
		table_cell(&t, "%lld", (long long)pid);
		table_cell(&t, "%s", vm_of(status, pid));
	}
	table_print(&t, stdout, "", "");
	return EXIT_SUCCESS;
}
