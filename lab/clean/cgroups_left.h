/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Control groups that runs of the lab have left. */

#include <stdbool.h>
#include <sys/types.h>

/* Whether "dvl<pid>-something" is this run's, or (run 0) that of one whose process is dead. */
bool is_left(const char *name, pid_t run);
/* Remove the empty control groups of a run, or (run 0) of all whose process is dead. Returns their number. */
int cgroups_left_remove(pid_t run);
