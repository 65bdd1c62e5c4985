/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Send buffers of the taps whose VMMs are held back: what was there before divvy, what divvy set, and whether it
 * holds. There is one record for a vNIC as long as divvy has changed its buffer.
 *
 * Order. While a vNIC's packets wait in its leaf, the buffer must be small already: a VMM that may still write
 * without bound fills the leaf, and packets are lost. So backpressure_lower() comes before apply() of apply.h,
 * and backpressure_apply(), which raises and gives back, comes after it.
 */

#include "plan/tree.h"

struct held {
	uint32_t ifindex;
	char nic[IFNAMSIZ];
	pid_t pid;           /* of the VMM, with start_time: whose buffer it is */
	uint64_t start_time;
	int before;          /* bytes, to be given back */
	int now;             /* bytes, as divvy set it, or tried to */
	uint32_t queues;     /* when it was set: queues that attach later have to be set again */
	int error;           /* negative errno of the last attempt; 0: in force */
	bool returning;      /* given back, but for queues that were detached then: when they are attached */
};

struct backpressure {
	struct held *held; /* sorted by ifindex; owned */
	size_t n;
};

void backpressure_free(struct backpressure *b);

/* Borrowed until the next change; NULL: divvy has not changed that vNIC's buffer. */
const struct held *backpressure_of(const struct backpressure *b, uint32_t ifindex);
/* For state.c: what an earlier divvyd had set. 0 or -ENOMEM. */
int backpressure_adopt(struct backpressure *b, const struct held *h);

/*
 * Set the buffers that are new, or lower than before. bindings: by tree_vnic.binding. Failures stay in held.error.
 * Returns how many are newly failed or newly mended.
 */
int backpressure_lower(struct backpressure *b, const struct tree *want, const struct binding *bindings);
/*
 * Set every buffer that is not what the tree wants, or that belongs to another process by now; give back where
 * the tree wants none. force: set all again (an audit). Otherwise as backpressure_lower().
 */
int backpressure_apply(struct backpressure *b, const struct tree *want, const struct binding *bindings,
		       bool force);
/*
 * A queue of this vNIC was attached, or of any if nic is NULL: it has the buffer that it had when it was detached. Set
 * it, or give back what the queue still has of divvy.
 */
void backpressure_queues(struct backpressure *b, const struct tree *want, const struct binding *bindings,
			 const char *nic);
/* The kernel removed this link. */
void backpressure_forget(struct backpressure *b, uint32_t ifindex);
