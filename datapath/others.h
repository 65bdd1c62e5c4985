/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Filters of others on the vNICs that divvy is on: they stay in force, and the operator should know of them.
 * The kernel dumps filters one device at a time, so they are kept here: read when divvy attaches, when a tc
 * event names the vNIC, and when events were lost.
 */

#include "kernel/net/rtnl.h"
#include "plan/tree.h"

#define OTHERS_TEXT_SIZE 48

enum other_place {
	OTHER_BEFORE, /* at ingress, before divvy's filter: packets meet it first */
	OTHER_BEHIND, /* at ingress, behind divvy's filter: divided packets pass it by */
	OTHER_ELSEWHERE, /* at egress, or in a chain that is reached by a goto only */
};

struct others_vnic {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	char (*text)[OTHERS_TEXT_SIZE]; /* "filter bpf pref 10", a line each; owned */
	enum other_place *place;        /* of each; owned */
	size_t n;
	enum hook_place hook;           /* where divvy's filter stood when that was read */
};

/* Zeroed: no vNIC. */
struct others {
	struct others_vnic *list; /* sorted by ifindex; owned */
	size_t n;
};

void others_free(struct others *o);
/* Read those of one vNIC again. 0, or negative errno: what was known stays. */
int others_read(struct others *o, struct rtnl *r, uint32_t ifindex);
/*
 * Have an entry for each vNIC of the tree and no other. Those are read that are new, or that divvy's filter has
 * another place at; with all, those that are known, too. 0 or the first negative errno.
 */
int others_follow(struct others *o, struct rtnl *r, const struct tree *have, bool all);
/* Borrowed until the next change; NULL: nothing is known of that vNIC. O(log n). */
const struct others_vnic *others_of(const struct others *o, uint32_t ifindex);
/* The first one that packets meet before divvy's filter, borrowed; "": there is none. */
const char *others_before(const struct others_vnic *v);
