/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * At which vNICs other programs are hooked at ingress, too: they have a qdisc there (ingress, clsact), filters in
 * divvy's own, or a tcx program. divvy's tcx program stands aside there.
 */

#include "dataplane.h"
#include "others.h"
#include "plan/host.h"

/*
 * As the kernel has it now; filters in divvy's own qdisc as o knows them. *ifindex, ascending, is the caller's to
 * free; empty where the kernel has no tcx, for then it makes no difference. One dump of qdiscs, and a system call
 * for each tap and veth. 0 or negative errno.
 */
int shared_read(const struct dataplane *p, const struct host *h, const struct others *o, uint32_t **ifindex,
		size_t *n);
/* Whether want was made when it was otherwise. False where the kernel does not tell. */
bool shared_changed(const struct dataplane *p, const struct host *h, const struct others *o,
		    const struct tree *want);
