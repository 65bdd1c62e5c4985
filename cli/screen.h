/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one user of curses: lines to the terminal, keys from it. */

#include "strip.h"

#include <stdbool.h>

enum screen_key {
	SCREEN_NONE = -1,   /* no key is left */
	SCREEN_GONE = -2,   /* the terminal is */
	SCREEN_RESIZED = -3,
	SCREEN_UP = 0x200000, /* above all characters */
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_BACKSPACE,
	SCREEN_OTHER,
};

/*
 * Takes the terminal over, where standard input and output are one, and top is in its foreground. False: they are not, or
 * the terminal cannot place its cursor; nothing is changed then. colour: whether it may be used.
 */
bool screen_open(bool colour);
/* The terminal is as before. */
void screen_close(void);

/* Lines and columns of the terminal now. */
void screen_size(size_t *n_lines, size_t *n_columns);
/* What is not put before screen_show() is empty. */
void screen_begin(void);
void screen_put(size_t line, const struct strip *s);
void screen_show(void);

/* Waits for a key, at most so many milliseconds. True: there is something for screen_key(). */
bool screen_wait(int ms);
/* The next key: a character (UTF-8's first byte is one), or an enum screen_key. */
int screen_key(void);
