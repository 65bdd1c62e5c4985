// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy watch: events, as they happen, until Ctrl-C or divvyd ends. */

#include "ask.h"
#include "cli.h"
#include "complain.h"

#include "base/cleanup.h"
#include "base/nsec.h"
#include "base/printable.h"
#include "proto/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *text(const json_t *event, const char *key)
{
	return json_string_value(json_object_get(event, key)) ?: "";
}

/* The local time of day, as long as it is this host's divvyd that tells. */
static void print_event(const json_t *event)
{
	json_int_t ns = json_integer_value(json_object_get(event, "realtime_ns"));
	time_t seconds = (time_t)(ns / (json_int_t)NSEC_PER_SEC);
	char day[40] = "", line[2048];
	struct tm local;

	if (localtime_r(&seconds, &local))
		strftime(day, sizeof(day), "%F %T", &local);
	printable(text(event, "text"), strlen(text(event, "text")), line, sizeof(line));
	printf("%s.%03d  %-11s  %s\n", day, (int)(ns / (json_int_t)NSEC_PER_MSEC % 1000), text(event, "event"), line);
}

/* Each line at once, also into a pipe: who reads it wants to act. False: it cannot be written. */
static bool show(const json_t *event, bool json)
{
	if (json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_event(event);
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

static bool ends(const json_t *event)
{
	return strcmp(text(event, "event"), "missed") == 0;
}

static int follow(struct client *c, bool json)
{
	for (;;) {
		json_auto_t *event = NULL;
		struct spec_error err;

		if (client_next(c, &event, &err) < 0)
			return complain("%s", err.text);
		if (ends(event) && !json)
			return complain("%s", text(event, "text"));
		if (!show(event, json))
			return complain("cannot write: %s", strerror(errno));
		if (ends(event))
			return EXIT_FAILURE;
	}
}

int verb_watch(int argc, char **argv)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	json_auto_t *result = NULL;
	struct spec_error err;
	int r, json = ask_json_option(argc, argv);

	if (json < 0)
		return EXIT_FAILURE;
	r = client_open(&c, &err);
	if (r >= 0)
		r = client_ask(&c, argv[0], NULL, &result, &err);
	if (r < 0)
		return ask_failed(argv[0], r, &err);
	/* Nothing may happen for hours. */
	if (isatty(STDOUT_FILENO) && !json)
		fputs("Watching; Ctrl-C ends.\n", stderr);
	return follow(&c, json);
}
