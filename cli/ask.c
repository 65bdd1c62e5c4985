// SPDX-License-Identifier: GPL-2.0-or-later
#include "ask.h"
#include "complain.h"

#include "proto/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ask_warn(const json_t *result)
{
	const json_t *warning;
	size_t i;

	json_array_foreach (json_object_get(result, "warnings"), i, warning)
		complain("warning: %s", json_string_value(warning) ?: "");
}

/* Verbs that change something. A client that gives up does not stop divvyd. */
static bool is_change(const char *verb)
{
	return strcmp(verb, "apply") == 0 || strcmp(verb, "set") == 0 || strcmp(verb, "release") == 0;
}

int ask_failed(const char *verb, int r, const struct spec_error *err)
{
	return complain("%s%s", err->text,
			r == -ETIMEDOUT && is_change(verb) ? "; the change may still come into force (divvy status)" : "");
}

int ask(const char *verb, json_t *args, json_t **result)
{
	struct spec_error err;
	int r = client_once(verb, args, result, &err);

	if (r < 0)
		ask_failed(verb, r, &err);
	return r;
}

int ask_json_option(int argc, char **argv)
{
	if (argc == 1)
		return 0;
	if (argc == 2 && strcmp(argv[1], "--json") == 0)
		return 1;
	complain("unexpected argument \"%s\", expected --json or nothing",
		 argv[strcmp(argv[1], "--json") ? 1 : 2]);
	return -1;
}

int ask_or_dump(int argc, char **argv, size_t flags, json_t **result)
{
	int json = ask_json_option(argc, argv);

	if (json < 0 || ask(argv[0], NULL, result) < 0)
		return EXIT_FAILURE;
	if (!json)
		return -1;
	json_dumpf(*result, stdout, flags);
	putchar('\n');
	return EXIT_SUCCESS;
}
