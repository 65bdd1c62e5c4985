/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * At the start: what an earlier divvyd left in the kernel, and what of it the state does not explain, because
 * the state is lost, or that divvyd was killed before it saved. Its vNICs' records are made anew, so that a
 * release gives everything back.
 *
 * Where it is not even known what ran, and the system's file says nothing, divvyd runs "as found": what the
 * kernel enforces is left alone until the next apply, or release of all (daemon/daemon.h, as_found).
 */

#include "backpressure.h"
#include "dataplane.h"
#include "plan/host.h"

/*
 * Read divvy's objects, and make the records that are missing: a hook is taken for divvy's (it is removed only
 * where no other program's filter is there), and a send buffer that is not unlimited for one that divvy has
 * lowered from that. 0 or negative errno.
 */
int found_adopt(struct dataplane *p, const struct host *h, struct backpressure *b);

/* Whether any vNIC is divided by what is in the kernel. */
bool found_any(const struct dataplane *p);
