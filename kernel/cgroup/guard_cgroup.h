/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvy-guard's own control group, "divvy.guard" at the root of every hierarchy, systemd's own included.
 * So the guard is outside of divvyd's unit, which systemd ends as a whole, and outside of everything that
 * a gate could pause. The guards of several divvyds share the group; the last one that leaves removes it.
 */

#include "cgroup.h"

/* Move this process there. home: where it was in the v2 hierarchy, or ""; for guard_cgroup_leave(). */
void guard_cgroup_enter(char home[CGROUP_PATH_SIZE]);
/* Move this process out, and remove the group unless another guard is in it. */
void guard_cgroup_leave(const char *home);
/* Remove the groups that a killed guard has left behind. A group with a guard in it stays. */
void guard_cgroup_sweep(void);
