/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The table of `divvy status` from divvyd's answer; highlight: with terminal attributes. */
void status_print(FILE *to, const json_t *status, bool highlight);
