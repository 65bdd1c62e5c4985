/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel objects of a specification, as data: for each uplink an IFB with an HTB tree, and for each bound
 * vNIC the class that its packets go to. The same struct holds what is wanted (tree_build()) and what is there
 * (datapath/observe.h); datapath/diff.h compares the two.
 */

#include "bind.h"
#include "classids.h"
#include "core/direction.h"
#include "core/sizing.h"
#include "kernel/net/htb.h"

#define TREE_CLASSID(minor) (HTB_MAJOR << 16 | (minor))

/* Where a vNIC's packets enter divvy: bits. With both, the one divides what the other leaves to it. */
enum hook_kind {
	HOOK_FILTER = 1, /* a filter at the ingress side of a clsact or ingress qdisc */
	HOOK_TCX = 2,    /* a program at tcx ingress, which stands aside where others have a filter or a program */
	HOOK_EGRESS = 4, /* a filter at the vNIC's egress (egress.h); of the direction that has it the only hook */
};

/* What a leaf has while nothing follows its demand: its ceiling is its limit. */
struct tree_rest {
	struct rate ceil;
	uint64_t cburst;
	uint32_t quantum;
};

struct tree_class {
	struct htb_class htb;
	struct tree_rest rest; /* wanted: a leaf's; plan/overlay.h */
	struct leaf leaf; /* a leaf's queue; observed: LEAF_NONE where divvy makes none like it */
	uint32_t node;    /* in the model; NODE_NONE: observed only, or the default leaf */
	bool drains;      /* observed: no longer wanted; it goes when it is empty */
	bool theirs;      /* observed: another program has made it, beside ours: it is left alone */
};

struct tree_uplink {
	char name[IFNAMSIZ];        /* observed: "" for a second IFB of one uplink: it goes */
	enum direction direction;
	uint32_t ifb;               /* ifindex; 0: not there yet */
	uint32_t node;              /* in the model; NODE_NONE: observed only */
	bool classified;            /* observed: divvyd's own program is the first that packets meet */
	bool preceded;              /* observed: others have filters at clsact's egress, before the HTB's root */
	bool wrong_root;            /* observed: its root qdisc is not divvy's HTB */
	bool wrong_link;            /* observed: it is down, or has another alias or queue length */
	bool drains;                /* observed: no longer wanted; the IFB goes after its last class */
	struct tree_class *classes; /* wanted: parents first; observed: by minor; owned */
	size_t n_classes;
};

/* A vNIC in one direction. */
struct tree_vnic {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	enum direction direction;
	uint32_t uplink;  /* index in tree.uplinks */
	uint16_t minor;   /* its class */
	unsigned int hooks;    /* enum hook_kind */
	struct egress_place egress; /* with HOOK_EGRESS: where its filter is; observed: replaces is false */
	enum hook_place place; /* of divvy's filter: PLACE_LAST or PLACE_FIRST */
	bool both;        /* observed: divvy's filter is at the other place, too: a divvyd was killed in between */
	uint32_t node;    /* in the model; NODE_NONE: observed only, and not as this divvyd made it */
	uint32_t binding; /* wanted: in the plan's bindings */
	uint32_t sndbuf;  /* wanted under backpressure, bytes of truesize; 0: none */
	uint64_t not_before_ns; /* wanted: not attached to, nor given a filter, before; CLOCK_MONOTONIC. 0: at once */
};

struct tree {
	struct tree_uplink *uplinks; /* sorted by name and direction; owned */
	size_t n_uplinks;
	struct tree_vnic *vnics; /* sorted by ifindex and direction; owned */
	size_t n_vnics;
};

void tree_free(struct tree *t);
void tree_freep(struct tree *t);

/* Put uplinks and vNICs in their order; vNICs' indexes of uplinks follow. 0 or -ENOMEM. */
int tree_sort(struct tree *t);

/* Borrowed; NULL: there is none. O(log n). */
struct tree_vnic *tree_vnic(const struct tree *t, uint32_t ifindex, enum direction direction);
/* The same vNIC in the same direction. */
struct tree_vnic *tree_same_vnic(const struct tree *t, const struct tree_vnic *v);
/* Whether it has the vNIC in either direction. */
bool tree_has_vnic(const struct tree *t, uint32_t ifindex);
struct tree_uplink *tree_uplink(const struct tree *t, const char *name, enum direction direction);

/*
 * The hooks that the wanted vNIC is to have now, with what is there of it (NULL: nothing): before its time a vNIC
 * keeps what it has, but for its program, and gets no filter.
 */
unsigned int tree_hooks_due(const struct tree_vnic *want, const struct tree_vnic *have);
/* Whether a hook of it is missing, due or not. */
bool tree_vnic_lacks(const struct tree_vnic *want, const struct tree_vnic *have);

/*
 * For each uplink of a tree, the index of the same uplink in another one, or NODE_NONE; the caller frees it.
 * NULL: out of memory. O(n log n).
 */
uint32_t *tree_match(const struct tree *from, const struct tree *to);

/* What tree_build() needs besides the model. */
struct tree_input {
	const struct model *rx; /* the model in the other direction; NULL: nothing is divided there */
	const struct binding *bindings; /* as in bind.h; only those of devices are read */
	size_t n_bindings;
	const uint16_t *minors;         /* one a node, see classids.h */
	const struct sizing_host *sizing;
	bool fq_codel;          /* the kernel has it */
	uint64_t burst_limit;   /* packets that may wait for an IFB while it is busy; 0: the kernel has no such limit */
	bool tcx;               /* the kernel has it */
	const uint32_t *shared; /* vNICs where other programs are hooked, ascending; read where there is tcx */
	size_t n_shared;
};

/* What the model wants, in both directions. 0 or -ENOMEM; *out is untouched on failure. O(n log n). */
int tree_build(const struct model *m, const struct tree_input *in, struct tree *out);
