// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy slots */

#include "cli.h"

#include <stdio.h>

/* Enough to see a pattern. */
#define TURNS_SHOWN 40

int verb_slots(int argc, char **argv)
{
	json_auto_t *result = NULL;
	const json_t *turns;
	int r = ask_or_dump(argc, argv, JSON_COMPACT, &result);
	size_t n;

	if (r >= 0)
		return r;
	turns = json_object_get(result, "turns");
	n = json_array_size(turns);
	printf("%16s %10s %10s\n", "START s", "LENGTH ms", "PROCESS");
	for (size_t i = n > TURNS_SHOWN ? n - TURNS_SHOWN : 0; i < n; i++) {
		const json_t *t = json_array_get(turns, i);
		long long start = json_integer_value(json_object_get(t, "start_ns"));
		long long end = json_integer_value(json_object_get(t, "end_ns"));

		printf("%16.6f %10.3f %10lld\n", (double)start / 1e9, (double)(end - start) / 1e6,
		       (long long)json_integer_value(json_object_get(t, "pid")));
	}
	return EXIT_SUCCESS;
}
