// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy: the operator's command. A table of verbs, a file per verb. */

#include "cli.h"

#include "proto/client.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct verb verbs[] = {
	{ "discover", "[--json]", "virtual NICs on this host, and the VM behind each", verb_discover },
	{ "check", "FILE", "validate a specification, offline", verb_check },
	{ "apply", "FILE", "replace the running specification, atomically", verb_apply },
	{ "set", "NAME=SHARE...", "change shares now, or schedule.KEY=VALUE", verb_set },
	{ "status", "[--json]", "what each device is entitled to, and gets", verb_status },
	{ "top", "", "the same, live", verb_top },
	{ "show", "", "the running specification as text", verb_show },
	{ "slots", "[--json]", "CPU scheduling: the VMs' latest turns", verb_slots },
	{ "release", "--all|DEVICE", "give everything back as it was found", verb_release },
};

static const char *running_verb;

int complain(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, running_verb ? "divvy: %2$s: %1$s\n" : "divvy: %1$s\n", line, running_verb);
	return EXIT_FAILURE;
}

/* Whether the only argument is --json; -1 after a complaint about anything else. */
static int json_option(int argc, char **argv)
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
	int json = json_option(argc, argv);

	if (json < 0 || client_once(argv[0], NULL, result) < 0)
		return EXIT_FAILURE;
	if (!json)
		return -1;
	json_dumpf(*result, stdout, flags);
	putchar('\n');
	return EXIT_SUCCESS;
}

static void usage(FILE *to)
{
	fputs("Usage: divvy VERB [ARGUMENT...]\n"
	      "Give every virtual machine its share of the network.\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %-9s%-15s %s\n", verbs[i].name, verbs[i].args, verbs[i].text);
	fputs("\nFILE may be - for standard input. See divvy(8) and divvy.yaml(5).\n", to);
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("divvy " DIVVY_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, argv[1]) != 0)
			continue;
		if (argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
			printf("Usage: divvy %s %s\n%s. See divvy(8).\n", verbs[i].name, verbs[i].args,
			       verbs[i].text);
			return EXIT_SUCCESS;
		}
		running_verb = verbs[i].name;
		r = verbs[i].run(argc - 1, argv + 1);
		if (fflush(stdout) != 0 || ferror(stdout))
			return complain("cannot write: %s", strerror(errno));
		return r;
	}
	return complain("unknown verb \"%s\": try divvy --help", argv[1]);
}
