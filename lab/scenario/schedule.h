/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A flat YAML mapping such as a phase's schedule, "{resource: cpu, lanes: 2}", braces optional. */

/* The value of a key; false, *value untouched, if it is not there or longer than size. text may be NULL. */
bool schedule_value(const char *text, const char *key, char *value, size_t size);
/*
 * text with the keys of over put in place of its own, or added. text NULL: "{resource: cpu}". The caller's to
 * free. 0, -EINVAL (over is not "key: value, key: value") or -ENOMEM.
 */
int schedule_override(const char *text, const char *over, char **ret);
/*
 * Whether divvy takes it as the value of schedule. 0, or -EINVAL or -ENOMEM with why, of SCHEDULE_WHY_SIZE,
 * filled.
 */
#define SCHEDULE_WHY_SIZE 256
int schedule_check(const char *text, char why[SCHEDULE_WHY_SIZE]);
