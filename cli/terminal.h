/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The terminal that `divvy top` changes, and how it is left. While top runs in its foreground, keys come one by one and
 * are not shown. Whatever ends or stops top puts that back first, also while top waits for divvyd. A standard input that
 * is no terminal is another program's.
 */

#include <stdbool.h>

/* Only the foreground may read a terminal or set it: others are stopped when they try. */
bool terminal_has_keys(void);

/* Sets what signals do: SIGINT ends top, exit status 0; others do what they do by themselves, and all put back first. */
void terminal_signals(void);

/* Remembers the settings; false: standard input is no terminal in whose foreground top runs. */
bool terminal_remember(void);
/* The same, and keys come one by one. */
bool terminal_take_keys(void);
/* From now on signals write this to standard output, too; borrowed, "" for nothing. */
void terminal_say_at_end(const char *sequence);
/* Puts back what was remembered, once. */
void terminal_restore(void);

/* True once after top was stopped and goes on. */
bool terminal_was_stopped(void);
