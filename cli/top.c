// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * divvy top: the status, live, until q or Ctrl-C.
 *
 * A terminal hands keys over line by line and shows them. While top runs in the foreground of one, it does neither;
 * whatever ends or stops top puts that back first. Standard input that is no terminal is another program's.
 */

#include "ask.h"
#include "cli.h"
#include "complain.h"
#include "status.h"

#include "base/cleanup.h"
#include "proto/client.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

#define PERIOD_MS 1000

static struct termios found; /* the terminal's settings before top */
static volatile sig_atomic_t changed;

/* Only the foreground may read a terminal or set it: others are stopped when they try. */
static bool has_keys(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Of signal-safety(7). */
static void restore(void)
{
	if (changed && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &found);
	changed = 0;
}

static void take_keys(void)
{
	struct termios t;

	if (changed || !has_keys() || tcgetattr(STDIN_FILENO, &found) < 0)
		return;
	t = found;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	changed = 1; /* before it is, for a signal that comes in between */
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0)
		changed = 0;
}

static void on_interrupt(int sig)
{
	(void)sig;
	restore();
	_exit(EXIT_SUCCESS);
}

/* What the signal does by itself comes when the handler returns; after a stop, the next round takes the keys again. */
static void on_other(int sig)
{
	restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void set_signals(void)
{
	static const int others[] = { SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = on_other;
	sa.sa_flags = SA_RESTART;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		sigaction(others[i], &sa, NULL);
}

/* Waits for the next round. True: q was pressed, or the terminal is gone. */
static bool is_quit(void)
{
	struct pollfd p = { .fd = changed ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	while (poll(&p, 1, PERIOD_MS) > 0) {
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return true;
	}
	return false;
}

static int show(struct client *c)
{
	json_auto_t *result = NULL;
	struct spec_error err;
	int r = client_ask(c, "status", NULL, &result, &err);

	if (r < 0) {
		restore();
		return ask_failed("status", r, &err);
	}
	fputs("\033[H\033[2J", stdout);
	status_print(stdout, result, true);
	fputs(changed ? "\nq ends.\n" : "\nCtrl-C ends.\n", stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int verb_top(int argc, char **argv)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	struct spec_error err;
	int r;

	(void)argv;
	if (argc != 1)
		return complain("takes no argument");
	r = client_open(&c, &err);
	if (r < 0)
		return ask_failed("status", r, &err);
	do {
		set_signals(); /* one of them may have stopped top, and is back to what it does by itself */
		take_keys();
		r = show(&c);
	} while (r == EXIT_SUCCESS && !is_quit());
	restore();
	return r;
}
