/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one line on stderr of a verb that fails. */

/* The verb that runs, for complain(); borrowed for ever. */
void complain_as(const char *verb);
/*
 * "divvy: VERB: message" to stderr, without the verb before complain_as(). A message of over 1,000 bytes is
 * cut, and what does not print is escaped. Returns EXIT_FAILURE.
 */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
