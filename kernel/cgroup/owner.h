/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which process holds a cgroup: a divvyd that looks for leftovers leaves alone what a living divvyd holds. */

#include <stdbool.h>

/* "PID START_TIME" */
#define OWNER_XATTR "trusted.divvy.owner"

/* Mark the cgroup as this process's. Without effect where cgroups have no extended attributes. */
void owner_mark(const char *dir);
/* Remove the mark. */
void owner_clear(const char *dir);
/* Whether the cgroup has the mark of a living process other than this one. */
bool owner_is_another(const char *dir);
