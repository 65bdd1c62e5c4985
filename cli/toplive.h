/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `divvy top` on a terminal: keys, and what they do. */

#include "proto/client.h"

/*
 * Runs until the user ends it. c: connected. Returns the exit status; -1: the terminal cannot place its cursor, or there
 * is none, and nothing was done.
 */
int toplive_run(struct client *c);
