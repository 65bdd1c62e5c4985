// SPDX-License-Identifier: GPL-2.0-or-later
#include "terminal.h"

#include "base/cleanup.h"

#include <signal.h>
#include <string.h>
#include <termios.h>

static struct termios found; /* the terminal's settings before top */
static const char *volatile at_end = "";
static volatile sig_atomic_t changed, stopped;

bool terminal_has_keys(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Of signal-safety(7). */
void terminal_restore(void)
{
	const char *end = at_end;

	if (changed && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
		(void)!write(STDOUT_FILENO, end, strlen(end));
		tcsetattr(STDIN_FILENO, TCSANOW, &found);
	}
	changed = 0;
}

void terminal_say_at_end(const char *sequence)
{
	at_end = sequence;
}

bool terminal_remember(void)
{
	if (!changed && (!terminal_has_keys() || tcgetattr(STDIN_FILENO, &found) < 0))
		return false;
	changed = 1; /* before it is, for a signal that comes in between */
	return true;
}

bool terminal_take_keys(void)
{
	struct termios t;

	if (changed)
		return true;
	if (!terminal_remember())
		return false;
	t = found;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0)
		changed = 0;
	return changed;
}

bool terminal_was_stopped(void)
{
	bool was = stopped;

	stopped = 0;
	return was;
}

static void on_interrupt(int sig)
{
	(void)sig;
	terminal_restore();
	_exit(EXIT_SUCCESS);
}

/* What the signal does by itself comes when the handler returns; after a stop, the next round sets all of it again. */
static void on_other(int sig)
{
	terminal_restore();
	stopped = 1;
	signal(sig, SIG_DFL);
	raise(sig);
}

void terminal_signals(void)
{
	static const int others[] = { SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = on_other;
	sa.sa_flags = SA_RESTART;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		sigaction(others[i], &sa, NULL);
}
