/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Questions to divvyd, with a complaint where there is no answer. */

#include "spec/error.h"

#include <jansson.h>

/* Prints each of the answer's warnings to standard error, "divvy: VERB: warning: text". */
void ask_warn(const json_t *result);

/* Complains that there is no answer to a verb: r and *err are client_ask()'s. Returns EXIT_FAILURE. */
int ask_failed(const char *verb, int r, const struct spec_error *err);

/* args is taken; NULL: {}. 0: *result is a new reference; or client_once()'s errno, after a complaint. */
int ask(const char *verb, json_t *args, json_t **result);

/* 1: the only argument is --json; 0: there is none; -1: there is another one, after a complaint. */
int ask_json_option(int argc, char **argv);

/*
 * Asks divvyd for a verb of the same name (argv[0]) that takes --json and nothing else. EXIT_FAILURE: after a
 * complaint; EXIT_SUCCESS: with --json, and the answer is printed (flags: of json_dumpf()); -1: without it,
 * and the caller prints *result, a new reference.
 */
int ask_or_dump(int argc, char **argv, size_t flags, json_t **result);
