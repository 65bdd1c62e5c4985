// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * divvy top: the status, live, until q or Ctrl-C. On a terminal that can place its cursor it is toplive.h's; elsewhere, in
 * a pipe or in the background, it is the table of `divvy status`, again and again.
 */

#include "ask.h"
#include "cli.h"
#include "complain.h"
#include "status.h"
#include "terminal.h"
#include "toplive.h"

#include "base/cleanup.h"
#include "proto/client.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_MS 1000

/* Waits for the next round. True: q was pressed, or the terminal is gone. */
static bool is_quit(bool keys)
{
	struct pollfd p = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	while (poll(&p, 1, PERIOD_MS) > 0) {
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return true;
	}
	return false;
}

/* A terminal that is not called dumb is taken for one that knows ECMA-48. */
static bool clears(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && term[0] && strcmp(term, "dumb") != 0;
}

static int show(struct client *c, bool keys)
{
	json_auto_t *result = NULL;
	struct spec_error err;
	int r = client_ask(c, "status", NULL, &result, &err);

	if (r < 0) {
		terminal_restore();
		return ask_failed("status", r, &err);
	}
	if (clears())
		fputs("\033[H\033[2J", stdout);
	status_print(stdout, result, clears());
	fputs(keys ? "\nq ends.\n" : "\nCtrl-C ends.\n", stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int verb_top(int argc, char **argv)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	struct spec_error err;
	bool keys;
	int r;

	(void)argv;
	if (argc != 1)
		return complain("takes no argument");
	r = client_open(&c, &err);
	if (r < 0)
		return ask_failed("status", r, &err);
	r = toplive_run(&c);
	if (r >= 0)
		return r;
	do {
		terminal_signals(); /* one of them may have stopped top, and is back to what it does by itself */
		keys = terminal_take_keys();
		r = show(&c, keys);
	} while (r == EXIT_SUCCESS && !is_quit(keys));
	terminal_restore();
	return r;
}
