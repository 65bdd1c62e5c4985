// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy: the operator's command. A table of verbs. */

#include "cli.h"
#include "complain.h"

#include "base/cleanup.h"
#include "base/words.h"
#include "proto/client.h"

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DRY_RUN "[--dry-run [--json]] "

static const struct verb {
	const char *name;
	const char *options; /* "" or with a blank behind */
	const char *args;
	const char *text; /* what it does, one line */
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "discover", "", "[--json|--spec]", "virtual NICs on this host, and the VM behind each", verb_discover },
	{ "check", "", "FILE", "validate a specification, offline", verb_check },
	{ "apply", DRY_RUN, "FILE", "replace the running specification, atomically", verb_apply },
	{ "set", DRY_RUN, "NAME=SHARE...", "change shares now, or schedule.KEY=VALUE", verb_set },
	{ "status", "", "[--json]", "what each device is entitled to, and gets", verb_status },
	{ "top", "", "", "the same, live", verb_top },
	{ "watch", "", "[--json]", "what happens to devices, as it happens", verb_watch },
	{ "show", "", "", "the running specification as text", verb_show },
	{ "slots", "", "[--json]", "CPU scheduling: the VMs' latest turns", verb_slots },
	{ "release", "", "--all|DEVICE", "give everything back as it was found", verb_release },
};

static void usage(FILE *to)
{
	fputs("Usage: divvy [--timeout SECONDS] VERB [ARGUMENT...]\n"
	      "Give every virtual machine its share of the network.\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %-9s%-16s %s\n", verbs[i].name, verbs[i].args, verbs[i].text);
	fprintf(to,
		"\nWith --timeout, give up when divvyd does not answer for so long; %d without it, 0: never.\n",
		CLIENT_TIMEOUT_S);
	fputs("With --dry-run [--json], apply and set say what they would do, and change nothing.\n"
	      "FILE may be - for standard input. See divvy(8) and divvy.yaml(5).\n",
	      to);
}

static bool is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int run(const struct verb *v, int argc, char **argv)
{
	int r;

	if (argc == 2 && is_help(argv[1])) {
		printf("Usage: divvy %s %s%s\n%s. See divvy(8).\n", v->name, v->options, v->args, v->text);
		return EXIT_SUCCESS;
	}
	complain_as(v->name);
	r = v->run(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain("cannot write: %s", strerror(errno));
	return r;
}

#define TIMEOUT "--timeout"
#define TIMEOUT_MAX 1000000

/* Whole seconds from text. 0; -1: after a complaint. */
static int set_timeout(const char *text)
{
	unsigned long seconds;
	char *end;

	seconds = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || seconds > TIMEOUT_MAX) {
		complain(TIMEOUT ": \"%.80s\": expected whole seconds, up to %d, such as " TIMEOUT " 10", text,
			 TIMEOUT_MAX);
		return -1;
	}
	client_give_up_after((unsigned int)seconds);
	return 0;
}

/* Takes "--timeout SECONDS" and "--timeout=SECONDS" out of the arguments, before the verb or behind it. 0 or -1. */
static int take_timeout(int *argc, char **argv)
{
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		size_t len = strlen(TIMEOUT);
		const char *value = NULL;

		if (strcmp(argv[i], TIMEOUT) == 0)
			value = i + 1 < *argc ? argv[++i] : "";
		else if (strncmp(argv[i], TIMEOUT "=", len + 1) == 0)
			value = argv[i] + len + 1;
		else
			argv[n++] = argv[i];
		if (value && set_timeout(value) < 0)
			return -1;
	}
	argv[n] = NULL;
	*argc = n;
	return 0;
}

int main(int argc, char **argv)
{
	struct words_near near = { 0 };

	/* What divvyd says is UTF-8, whatever the terminal is: only `top` asks for that. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (take_timeout(&argc, argv) < 0)
		return EXIT_FAILURE;
	if (argc < 2) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("divvy " DIVVY_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, argv[1]) == 0)
			return run(&verbs[i], argc - 1, argv + 1);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		words_consider(&near, argv[1], verbs[i].name);
	if (near.word)
		return complain("unknown verb \"%s\": did you mean \"%s\"?", argv[1], near.word);
	return complain("unknown verb \"%s\": try divvy --help", argv[1]);
}
