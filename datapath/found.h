/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * At the start: what an earlier divvyd left in the kernel. Where the state that would explain it is lost, the
 * records of its vNICs are made anew, so that a release gives everything back.
 *
 * Where it is not even known what ran, and the system's file says nothing, divvyd runs "as found": what the
 * kernel enforces is left alone until the next apply, or release of all (daemon/state/daemon.h, as_found).
 */

#include "backpressure.h"
#include "dataplane.h"
#include "plan/host.h"

/*
 * Read divvy's objects. lost: there are no records of this boot, so make them anew: a hook is taken for divvy's (it is removed
 * only where no other program's filter is there), and a send buffer that is not unlimited for one that divvy
 * has lowered from that. 0 or negative errno.
 */
int found_adopt(struct dataplane *p, const struct host *h, struct backpressure *b, bool lost);

/* Whether any vNIC is divided by what is in the kernel. */
bool found_any(const struct dataplane *p);
