/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which process has marked a cgroup: what a living divvyd holds is no leftover, whoever looks for such. */

#include <stdbool.h>

/* "PID START_TIME" */
#define OWNER_XATTR "trusted.divvy.owner"

/* This process owns it from now on; where attributes are not supported, nobody does. */
void owner_mark(const char *dir);
void owner_clear(const char *dir);
/* Whether a process other than this one owns it and lives. */
bool owner_is_another(const char *dir);
