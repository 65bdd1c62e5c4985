/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel objects of a specification, as data: an IFB with an HTB tree for each uplink, and
 * for each bound vNIC the class that its packets go to. The same struct holds what is wanted
 * (tree_build) and what is there (observe.h), so that reconcile.c is a diff of two of a kind.
 */

#include "bind.h"
#include "core/sizing.h"
#include "kernel/net/htb.h"

/* Minors that divvy keeps in each uplink's tree; a node's are TREE_MINOR_FIRST..TREE_MINOR_LAST. */
#define TREE_MINOR_ROOT 1
#define TREE_MINOR_FIRST 2
#define TREE_MINOR_LAST 0xfffd
#define TREE_MINOR_DEFAULT 0xfffe /* leaf for packets whose class is no longer there */

#define TREE_CLASSID(minor) ((1U << 16) | (minor))

struct tree_class {
	struct htb_class htb;
	struct leaf leaf; /* its queue, if it is one; observed: LEAF_NONE */
};

struct tree_uplink {
	char name[IFNAMSIZ];
	uint32_t ifb;               /* ifindex; 0: not there yet */
	struct tree_class *classes; /* wanted: parents first; observed: by minor; owned */
	size_t n_classes;
};

struct tree_vnic {
	uint32_t ifindex;
	uint32_t uplink; /* index in tree.uplinks */
	uint16_t minor;
	uint32_t node;   /* in the model; NODE_NONE: observed only */
	uint32_t sndbuf; /* wanted under backpressure, bytes of truesize; 0: none */
};

struct tree {
	struct tree_uplink *uplinks; /* owned */
	size_t n_uplinks;
	struct tree_vnic *vnics; /* sorted by ifindex; owned */
	size_t n_vnics;
};

void tree_free(struct tree *t);
void tree_freep(struct tree *t);

/* Borrowed; NULL if there is none. By ifindex: O(log n). */
struct tree_uplink *tree_uplink_named(const struct tree *t, const char *name);
struct tree_vnic *tree_vnic(const struct tree *t, uint32_t ifindex);
void tree_sort_vnics(struct tree_vnic *v, size_t n);
/* NULL if the uplink has no such class. O(n). */
struct tree_class *tree_class(const struct tree_uplink *u, uint16_t minor);

/*
 * What the model wants with these bindings (one a node; only devices' are read). minors[i]: the
 * class of node i, given by minors.h; fq_codel: the kernel has it. 0 or -ENOMEM; *out is untouched on
 * failure.
 */
int tree_build(const struct model *m, const struct binding *bindings, const uint16_t *minors,
	       const struct sizing_host *sizing, bool fq_codel, struct tree *out);
