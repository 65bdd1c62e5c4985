/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Read divvy's kernel objects back, from the kernel alone (what events told may lag behind): IFBs by alias,
 * their classes, divvy's filters on vNICs.
 */

#include "plan/tree.h"

#define OBSERVE_ALIAS_PREFIX "divvy:"

/*
 * vNICs get node NODE_NONE: their filter may run the program of a divvyd that was killed, and reconciling
 * replaces it. The leaves' queues are not read (LEAF_NONE). 0 or negative errno; *out untouched on failure.
 */
int observe(struct rtnl *r, struct tree *out);
