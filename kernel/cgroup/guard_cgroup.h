/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvy-guard's own control group, "divvy.guard" at the root of every hierarchy, systemd's own included: out
 * of divvyd's unit, which systemd ends whole, and out of everything that a gate could pause. Guards of
 * several divvyds share it; the last one to leave removes it.
 */

#include "cgroup.h"

/* Move this process there. home, for guard_cgroup_leave(): where it was in the v2 hierarchy, or "". */
void guard_cgroup_enter(char home[CGROUP_PATH_SIZE]);
/* Move this process out, and remove the group unless another guard is in it. */
void guard_cgroup_leave(const char *home);
/* Remove what a guard that was killed has left behind; a group with a guard in it stays. */
void guard_cgroup_sweep(void);
