// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen.h"
#include "terminal.h"

#include "base/cleanup.h"

#include <curses.h>
#include <poll.h>
#include <string.h>
#include <term.h>

static char leave[256]; /* what the terminal is sent at the end */
static SCREEN *screen;
static bool coloured;

static int collect(int c)
{
	size_t len = strlen(leave);

	if (len + 1 < sizeof(leave))
		leave[len] = (char)c;
	return c;
}

/* tputs() leaves padding out, or makes NULs of it, which end the text: those do no harm. */
static void make_leave(void)
{
	const char *const all[] = { exit_attribute_mode, cursor_normal, keypad_local, exit_ca_mode };

	memset(leave, 0, sizeof(leave));
	if (!exit_ca_mode && clear_screen)
		tputs(clear_screen, 1, collect);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i])
			tputs(all[i], 1, collect);
}

static bool is_able(void)
{
	int err = 0;

	return isatty(STDOUT_FILENO) && terminal_has_keys() && setupterm(NULL, STDOUT_FILENO, &err) == OK &&
	       cursor_address && clear_screen && !hard_copy;
}

bool screen_open(bool colour)
{
	if (!is_able())
		return false;
	terminal_signals(); /* first: curses takes signals that nothing else has */
	if (!terminal_remember())
		return false;
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		terminal_restore();
		return false;
	}
	make_leave();
	terminal_say_at_end(leave);
	coloured = colour && has_colors() && start_color() == OK;
	if (coloured) {
		use_default_colors();
		init_pair(1, COLOR_GREEN, -1);
		init_pair(2, COLOR_YELLOW, -1);
		init_pair(3, COLOR_RED, -1);
	}
	cbreak();
	noecho();
	nonl();
	set_escdelay(25);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return true;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	terminal_say_at_end("");
	terminal_restore();
	delscreen(screen);
	screen = NULL;
}

void screen_size(size_t *n_lines, size_t *n_columns)
{
	*n_lines = LINES > 0 ? (size_t)LINES : 1;
	*n_columns = COLS > 0 ? (size_t)COLS : 1;
}

static attr_t look_of(enum strip_style style, bool selected)
{
	static const attr_t plain[STRIP_STYLES] = {
		[STRIP_HEAD] = A_BOLD, [STRIP_FAINT] = A_NORMAL, [STRIP_WARN] = A_BOLD, [STRIP_BAD] = A_BOLD,
	};
	static const short pairs[STRIP_STYLES] = { [STRIP_GOOD] = 1, [STRIP_WARN] = 2, [STRIP_BAD] = 3 };

	if (selected)
		return A_REVERSE | (style == STRIP_BAD ? A_BOLD : A_NORMAL);
	if (!coloured)
		return plain[style];
	return (style == STRIP_HEAD || style == STRIP_BAD ? A_BOLD : A_NORMAL) |
	       (style == STRIP_FAINT ? A_DIM : A_NORMAL) | (attr_t)COLOR_PAIR(pairs[style]);
}

void screen_begin(void)
{
	if (terminal_was_stopped()) { /* the terminal is as it was before top: curses sets it up anew */
		terminal_signals();
		terminal_remember();
		endwin();
		clearok(curscr, TRUE);
	}
	erase();
}

void screen_put(size_t line, const struct strip *s)
{
	if (move((int)line, 0) == ERR)
		return;
	for (size_t i = 0; i < s->n_runs; i++) {
		size_t end = i + 1 < s->n_runs ? s->runs[i + 1].from : s->len;

		attrset(look_of(s->runs[i].style, s->selected));
		addnstr(s->text + s->runs[i].from, (int)(end - s->runs[i].from));
	}
	attrset(A_NORMAL);
}

void screen_show(void)
{
	refresh();
}

bool screen_wait(int ms)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, ms) != 0; /* also for a signal: the terminal's size may have changed */
}

int screen_key(void)
{
	static const struct {
		int curses, ours;
	} keys[] = {
		{ KEY_UP, SCREEN_UP },	     { KEY_DOWN, SCREEN_DOWN },	    { KEY_LEFT, SCREEN_LEFT },
		{ KEY_RIGHT, SCREEN_RIGHT }, { KEY_PPAGE, SCREEN_PAGE_UP }, { KEY_NPAGE, SCREEN_PAGE_DOWN },
		{ KEY_HOME, SCREEN_HOME },   { KEY_END, SCREEN_END },	    { KEY_BACKSPACE, SCREEN_BACKSPACE },
		{ 127, SCREEN_BACKSPACE },   { '\b', SCREEN_BACKSPACE },    { KEY_RESIZE, SCREEN_RESIZED },
		{ KEY_ENTER, '\r' },
	};
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	int key = getch();

	if (key == ERR) /* the end of a terminal that is gone can be read for ever */
		return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) ? SCREEN_GONE : SCREEN_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return key > 0xff ? SCREEN_OTHER : key;
}
