/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether what is bound is divided in truth (datapath/undivided.h), and a line in the log where that
 * changes.
 */

#include "daemon.h"

/* Look, and log. Returns the nanoseconds until the next look. */
uint64_t divided_look(struct daemon *d);
