/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What others have hooked to vNICs that divvy is not on yet, and that their packets would pass by under divvy. */

#include "plan/plan.h"

/*
 * For a plan's input: sorted by nic; *list is the caller's to free. Links that cannot be scheduled, and vNICs of
 * have, are left out. 0; or negative errno: nothing is known, and outputs are untouched.
 */
int hurdles_read(const struct host *h, const struct tree *have, struct plan_hurdle **list, size_t *n);
