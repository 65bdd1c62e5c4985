/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel objects that enforce shares, brought from what is there to what is wanted.
 *
 * Theory of Operation
 *
 * Packets must find their class at every moment, also when divvyd is killed between two steps. Each change
 * goes in this order:
 *	0. the caller has lowered send buffers (backpressure.h): before a packet can wait, its VMM waits;
 *	1. IFBs and their roots that are missing;
 *	2. one batch: new classes with their queues, changed classes in place (queued packets and counters
 *	   stay);
 *	3. one map update: packets of new or moved vNICs find their class from here on; and the classifier at
 *	   the roots of new IFBs, or of IFBs that run the program of a divvyd that is gone;
 *	4. one batch: filters of new vNICs, and of vNICs that change their uplink; filters of released vNICs go;
 *	5. classes that no filter names any more drain at their rate and are deleted when they are empty
 *	   (drain.h), IFBs after their last class.
 * Nothing is ever taken down to be built up again.
 */

#include "dataplane.h"
#include "plan/host.h"
#include "vnics.h"

/*
 * Make the kernel have what is wanted. A vNIC that vanished meanwhile, and a new one that takes no filter, is
 * passed over and added to *missed. 0; or negative errno with a line for a person in errtext: then the caller
 * applies the former tree again. p->have tells the truth in both cases, or p->stale is set.
 */
int apply(struct dataplane *p, const struct host *h, const struct tree *want, struct missed_list *missed,
	  char *errtext, size_t size);
