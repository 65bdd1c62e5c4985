/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the devices' demands, for each uplink of a plan's tree, and what the leaves have by it. Which devices
 * are active, too: those that are looked at.
 */

#include "core/follow.h"
#include "plan.h"

/* A leaf and its device. */
struct demand_leaf {
	uint16_t minor;
	uint32_t node;  /* counted from the uplink's */
	uint32_t class; /* in the uplink's classes */
};

/* Arrays by node begin with the uplink's, and have n elements. */
struct demand_uplink {
	char name[IFNAMSIZ];
	enum direction direction;
	size_t first, n;           /* the uplink's node in the model; nodes from there on */
	struct demand *d;          /* by node; owned */
	struct rate *entitled;     /* by node; owned */
	struct quanta_class *now;  /* by node; owned */
	uint32_t *leaf_of;         /* by node: index in leaves, or NODE_NONE; owned */
	struct demand_leaf *leaves; /* sorted by minor; owned */
	size_t n_leaves;
	uint32_t *active;          /* indexes in leaves, in no order; owned */
	size_t n_active;
	bool *is_active;           /* by leaf; owned */
	bool due;                  /* demands are others than at the latest demands_divide() */
};

/* Zeroed: no uplinks. */
struct demands {
	struct demand_uplink *uplinks; /* in the order of the tree's; owned */
	size_t n;
};

void demands_free(struct demands *d);
/*
 * The uplinks of this plan, with what is known of those of their leaves that an earlier plan had, too. Leaves that are
 * active get quanta and ceilings in p's tree. 0; -ENOMEM: *out is untouched, and the tree perhaps not.
 */
int demands_make(struct plan *p, const struct demands *before, const struct sizing_host *h, struct demands *out);

/* NULL: the uplink has no such leaf. O(log n). */
struct demand_leaf *demands_leaf(const struct demand_uplink *u, uint16_t minor);
static inline struct demand *demands_of(const struct demand_uplink *u, size_t leaf)
{
	return &u->d[u->leaves[leaf].node];
}

/* The device sends again. True: it was not active. */
bool demands_wake(struct demand_uplink *u, size_t leaf, uint64_t now_ns);
/* The k-th of those that are active is idle: it is not active any more, and its place is taken by the last of them. */
void demands_sleep(struct demand_uplink *u, size_t k);

/* What all are entitled to now, and what their leaves are to have. 0 or -ENOMEM. */
int demands_divide(struct demand_uplink *u, const struct model *m);
