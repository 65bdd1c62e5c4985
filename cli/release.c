// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy release --all|DEVICE, divvy show */

#include "cli.h"
#include "ask.h"
#include "complain.h"

#include <stdio.h>
#include <string.h>

int verb_release(int argc, char **argv)
{
	json_auto_t *result = NULL;
	json_t *args;

	if (argc != 2 || (argv[1][0] == '-' && strcmp(argv[1], "--all") != 0))
		return complain("expected --all or the name of one DEVICE");
	if (strcmp(argv[1], "--all") == 0)
		args = json_pack("{s:b}", "all", 1);
	else
		args = json_pack("{s:s}", "device", argv[1]);
	if (!args)
		return complain("no device is called \"%.80s\": a name is letters, digits, '.', '_' and '-'", argv[1]);
	if (ask("release", args, &result) < 0)
		return EXIT_FAILURE;
	ask_warn(result);
	return EXIT_SUCCESS;
}

int verb_show(int argc, char **argv)
{
	json_auto_t *result = NULL;

	(void)argv;
	if (argc != 1)
		return complain("takes no argument");
	if (ask("show", NULL, &result) < 0)
		return EXIT_FAILURE;
	fputs(json_string_value(json_object_get(result, "text")) ?: "", stdout);
	return EXIT_SUCCESS;
}
