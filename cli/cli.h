/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvy's verbs. Each has a row in the table in divvy.c. A verb gets the arguments behind divvy's own
 * (argv[0] is the verb's name), prints to stdout, and returns the exit status. A verb that fails prints one
 * line to stderr (complain.h).
 */

int verb_discover(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_apply(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_release(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_watch(int argc, char **argv);
int verb_slots(int argc, char **argv);
