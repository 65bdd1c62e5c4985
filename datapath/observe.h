/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Read divvy's kernel objects back, from the kernel alone, for events may lag behind: IFBs by their alias,
 * their classes, divvy's filters on vNICs.
 */

#include "kernel/net/rtnl.h"
#include "plan/tree.h"

#define OBSERVE_ALIAS_PREFIX "divvy:" /* then the uplink's name */

/*
 * Every node is NODE_NONE: a vNIC's filter may run the program of a divvyd that was killed, and apply()
 * replaces it. The leaves' queues are not read (LEAF_NONE). 0 or negative errno; *out untouched on failure.
 */
int observe(struct rtnl *r, struct tree *out);
