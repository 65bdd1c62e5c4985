/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From a model and a host to what the kernel shall have: bindings, class numbers, and the tree of classes,
 * hooks and send buffers. A pure function: no kernel object is asked or touched, and the order of the host's
 * lists does not matter.
 */

#include "bind.h"
#include "capacity.h"
#include "match.h"
#include "hurdle.h"
#include "tree.h"

/* A vNIC that divvy must not attach to now: its manager is still setting it up. */
struct plan_hold {
	uint32_t ifindex;  /* must stay first (base/byifindex.h) */
	uint64_t until_ns; /* when to ask again; CLOCK_MONOTONIC */
	const char *why;   /* a constant */
};

/* What a plan is made from, besides the model. All of it is borrowed. */
struct plan_input {
	const struct host *host;
	const struct bound_vnic *bound; /* the vNICs that are bound now, sorted by ifindex */
	size_t n_bound;
	const struct tree *have;           /* what the kernel has: its class numbers are busy */
	const struct hurdle_list *hurdles; /* NULL: there are none */
	const struct plan_hold *holds;     /* sorted by ifindex; a vNIC of have stays */
	size_t n_holds;
	const struct classids *classids;   /* numbers given earlier */
	const struct sizing_host *sizing;
	bool fq_codel;                     /* the kernel has it */
	uint64_t burst_limit;              /* see tree_input */
	bool tcx;                          /* the kernel has it */
	const uint32_t *shared;            /* see tree_input */
	size_t n_shared;
	const struct uplink_speed *speeds; /* of uplinks whose capacity is a part of it */
	size_t n_speeds;
	const struct egress *egress; /* sorted by ifindex; read where plan_wants_egress() */
	size_t n_egress;
};

/* A model with all that follows from it. Zeroed: no model. */
struct plan {
	struct model written; /* as the user wrote it: what `set` changes, and what is saved */
	struct model model;   /* as it is on this host (expand.h): all else is by its nodes */
	struct model rx;      /* model in the other direction; empty: nothing is divided there */
	uint32_t *from;       /* by node of model: the node of written; owned */
	struct binding *bindings; /* one a node, then more; an uplink's says whether its port is there; owned */
	size_t n_bindings;
	struct refusal *refused; /* sorted by node of written and vNIC; owned */
	size_t n_refused;
	uint16_t *minors;         /* one a node; owned */
	struct classids classids;
	struct hurdle_list hurdles; /* those that it was made with; owned */
	struct tree tree;         /* empty where the CPU is scheduled: packets are left alone then */
};

/*
 * Fill *out. The model is copied. 0; -ENOMEM; -ENOSPC: an uplink has more nodes than class numbers. *out is
 * untouched on failure. O(n log n).
 */
int plan_make(const struct model *m, const struct plan_input *in, struct plan *out);
void plan_free(struct plan *p);

/* The model in that direction, borrowed; without nodes where nothing is divided there. */
const struct model *plan_model(const struct plan *p, enum direction direction);
/* Whether a plan of this model may need to know what others have at the egress of vNICs. */
bool plan_wants_egress(const struct model *m, const struct host *h);

/*
 * The vNIC could not be attached to: its device waits, for this reason, and is not held back; or what its VM receives
 * is left alone.
 */
void plan_leave_out(struct plan *p, uint32_t ifindex, enum direction direction, enum reason_code code,
		    const char *what, const char *more);

/* Whether divvy has, or wants, a filter at this vNIC's egress; and whether it wants one and there is no place. */
bool plan_has_egress(const struct plan *p, uint32_t ifindex);
bool plan_misses_egress(const struct plan *p, uint32_t ifindex);

/* How many devices the plan's model has, and how many of them are bound. */
void plan_count(const struct plan *p, size_t *devices, size_t *bound);
/*
 * The vNICs of a plan that are bound or settle, sorted by ifindex, for the next plan's input; *list is the
 * caller's to free. 0 or -ENOMEM.
 */
int plan_bound(const struct plan *p, struct bound_vnic **list, size_t *n);
/* The same of what is in the kernel. */
int plan_bound_there(const struct tree *have, struct bound_vnic **list, size_t *n);
