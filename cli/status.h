/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What divvyd's `status` says, for a person. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The table of `divvy status`. status: divvyd's answer. highlight: with a terminal's bold letters. */
void status_print(FILE *to, const json_t *status, bool highlight);
