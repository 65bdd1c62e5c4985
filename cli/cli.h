/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvy's verbs: a file each, a row each in the table in divvy.c. A verb gets the arguments behind
 * its name, prints to stdout, complains to stderr with one line, and returns the exit status.
 */

#include <jansson.h>
#include <stdbool.h>

struct verb {
	const char *name;
	const char *args; /* for --help */
	const char *text; /* one line for --help */
	int (*run)(int argc, char **argv); /* argv[0] is the verb's name */
};

int verb_discover(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_apply(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_release(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_slots(int argc, char **argv);

/* "divvy: VERB: message" to stderr; returns EXIT_FAILURE. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Whether the only argument is --json; -1 after a complaint about anything else. */
int json_option(int argc, char **argv);
