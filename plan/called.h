/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which VMs of the host are called alike: told apart by their processes, with their vNICs. */

#include "host.h"

#define CALLED_TEXT_SIZE 140

/*
 * Write "2 VMs, process 12 (tap1, tap2) and process 34 (tap7)" into buf: those of that name or number, in the order of
 * their taps; what does not fit is "...". Returns buf. O(n^2) for the n vNICs of that name.
 */
const char *called_list(const struct host *h, const char *vm, char buf[CALLED_TEXT_SIZE]);
