/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Read divvy's kernel objects back, from the kernel alone, for events may lag behind: IFBs by their alias,
 * their link, root, classes, queues and classifier, and divvy's filters on vNICs.
 */

#include "kernel/bpf/classifier.h"
#include "plan/host.h"
#include "plan/tree.h"

/* How this divvyd's own work is told from that of others, and of divvyds before it. */
struct observer {
	uint32_t id[N_CLASSIFIER_PROGRAMS]; /* of its programs */
	const struct tree *known;  /* what it believes to be there; at the start an empty tree. Borrowed */
	bool all_known;            /* known has all that it made: other classes are of others */
	/*
	 * Only filters of links with ifindex % turns == turn are read, and IFBs only at turn 0: else they are as known. turns
	 * 0: all is read.
	 */
	unsigned int turn, turns;
	const struct host *host; /* has the links, where IFBs are not read; borrowed */
};

/*
 * The caller has CAP_SYS_ADMIN in force, or takes tcx programs of earlier divvyds for others'.
 *
 * All of it; a vNIC whose filters are not read is as known. An IFB that is known counts as the known uplink's, whatever its alias says. A vNIC that is known
 * keeps its node where its filter runs this divvyd's program and leads to an IFB of divvy's; else the node is
 * NODE_NONE, and apply() replaces the filter. Nodes and drains of uplinks and classes that are known are kept,
 * too. A class of others counts as theirs where it stands beside networks and devices, and contends with none
 * inside a network. 0 or negative errno; *out untouched on failure.
 */
int observe(struct rtnl *r, const struct observer *by, struct tree *out);
/*
 * The same, but of n links (vNICs, IFBs) only, ascending; the rest is as by->known says. Faster where there are
 * many; an IFB that is not known is not found.
 */
int observe_some(struct rtnl *r, const struct observer *by, const uint32_t *ifindex, size_t n,
		 struct tree *out);
