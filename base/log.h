/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One line an event on stderr: "PROGRAM: text" on a terminal or in a file, "<N>text" with syslog(3)'s
 * priority N where stderr is the journal (systemd.exec(5), SyslogLevelPrefix=).
 */

#include <syslog.h>

/* Finds out where stderr goes. Call it once, before any other function here. name: the program's, borrowed for ever. */
void log_init(const char *name);
/*
 * priority: LOG_ERR and the like. fmt is without a final newline; a text of over 1,000 bytes is cut. What
 * does not print is escaped (printable.h): no name can begin a line, or reach the terminal.
 */
void log_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
