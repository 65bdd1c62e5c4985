/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Desired against observed: what has to change, as data. apply.h carries it out; a dry run puts it into words. */

#include "plan/tree.h"

enum change_kind {
	/* In this order they are carried out. */
	CHANGE_MAKE_IFB,    /* the uplink has no IFB */
	CHANGE_MAKE_ROOT,   /* its IFB has no HTB root, or one beyond repair: all classes are made anew */
	CHANGE_SET_LINK,    /* its IFB is down, or has another alias or queue */
	CHANGE_ADD_CLASS,   /* item: the class, in want */
	CHANGE_SET_CLASS,   /* item: the class, in want */
	CHANGE_SET_QUEUE,   /* item: the class, in want; its leaf is new or another */
	CHANGE_MAP,         /* item: the vNIC, in want: its packets go to this class from here on */
	CHANGE_CLASSIFY,    /* the classifier at the root of the uplink's HTB */
	CHANGE_ATTACH,      /* item: the vNIC, in want */
	CHANGE_REATTACH,    /* item: the vNIC, in want: the filter is replaced in place */
	CHANGE_DETACH,      /* item: the vNIC, in have */
	CHANGE_DRAIN_CLASS, /* item: the class, in have: it goes when it is empty */
	CHANGE_DRAIN_IFB,   /* the IFB goes after its last class */
};

struct change {
	enum change_kind kind;
	uint32_t uplink; /* index in want; of CHANGE_DETACH and CHANGE_DRAIN_*: in have */
	uint32_t item;   /* index of a class in its uplink, or of a vNIC */
	bool fresh;      /* of CHANGE_SET_QUEUE: the class is new, too; of CHANGE_CLASSIFY: the IFB is */
};

struct diff {
	struct change *list; /* sorted by kind, then in the order of the trees; owned */
	size_t n;
};

/* 0 or -ENOMEM; *out is untouched on failure. O(n log n). */
int diff_trees(const struct tree *have, const struct tree *want, struct diff *out);
void diff_free(struct diff *d);

/* Where the changes of this kind start, or would; d->n: behind the last. O(n). */
size_t diff_first(const struct diff *d, enum change_kind kind);
