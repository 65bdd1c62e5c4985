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

/*
 * Ask divvyd what the verb is called. EXIT_FAILURE after a complaint, also about an argument that is not
 * --json; with --json it is printed (flags: of json_dumpf()) and EXIT_SUCCESS. Else -1, and *result, a new
 * reference, is for a person.
 */
int ask_or_dump(int argc, char **argv, size_t flags, json_t **result);
