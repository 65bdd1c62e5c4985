/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where a filter can stand at the egress of a vNIC, beside what others have there. For what a VM receives that is
 * the tap's or veth's side; a macvtap sends through its own egress.
 *
 * A root qdisc of divvy's, an HTB without classes, is a place that stands beside the `ingress` of a manager. Where
 * others have a root that takes filters and has a default class, divvy's filter hangs there, behind theirs; where they
 * have a clsact, at its egress. Beside a root that takes no filters divvy makes a clsact, if no `ingress` has to stay: a
 * vNIC has one of either. tcx is no place: bpf_redirect() at egress leaves skb_iif at the interface that the
 * packet came from, and the IFB sends it back there.
 */

#include "kernel/net/link.h"

/* What others have at a vNIC. Zeroed but for ifindex: nothing. */
struct egress {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint32_t root;    /* handle of their root qdisc; 0: there is none but the kernel's own, or divvy's */
	char kind[16];    /* of it */
	bool clsact;  /* that they, or divvy, made */
	bool ingress; /* that has to stay: they made it, or have filters there */
};

struct egress_place {
	uint32_t parent; /* of the filter; 0: there is no place */
	bool root;       /* the parent is divvy's own root */
	bool replaces;   /* a root of theirs without a queue has to go, and comes back at a release */
	bool clsact;     /* divvy makes a clsact, in the place of its own `ingress` */
};

/* e: NULL: nothing is there. */
struct egress_place egress_place(const struct egress *e);

#define EGRESS_TEXT_SIZE 160
/* Why there is no place, and the command that makes one. Returns buf. */
const char *egress_why(const struct egress *e, const char *nic, char buf[EGRESS_TEXT_SIZE]);
