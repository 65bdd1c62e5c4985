/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One line an event on stderr; with the journal's <N> priority prefix where stderr is the journal. */

/* Finds out where stderr goes. Call first, once. */
void log_init(void);
/* priority: syslog(3)'s. Without a final newline; what is longer than a line is cut. */
void log_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* syslog(3)'s priorities. */
#define log_error(...) log_line(3, __VA_ARGS__)
#define log_warning(...) log_line(4, __VA_ARGS__)
#define log_notice(...) log_line(5, __VA_ARGS__)
#define log_info(...) log_line(6, __VA_ARGS__)
