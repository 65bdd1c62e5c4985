/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which vNIC a device of the specification is on this host, now. A function of the model and
 * the host alone: no kernel object is touched.
 */

#include "core/model.h"
#include "host.h"

struct binding {
	bool bound;
	uint32_t ifindex;  /* bound only */
	char nic[IFNAMSIZ]; /* bound: its name; waiting: the name if known, else "" */
	uint32_t queues;
	bool backpressure; /* its VMM is to be held back through the send buffer */
	char why[160];     /* waiting: for what; bound: why there is no backpressure, "" if there is */
	pid_t pid;         /* of the VMM; 0: none known */
	uint64_t start_time;
	char vmm[VMM_KIND_SIZE], vm[VMM_NAME_SIZE];
};

/*
 * Index of a host for lookups in O(log n); the borrowed host must not change while it is used. Where several
 * vNICs fit a name (somebody starts a second process of that name), the one that is bound already stays: the
 * vNICs of the borrowed bound say which are. NULL: out of memory.
 */
struct binder;
struct tree;
struct binder *binder_new(const struct host *h, const struct tree *bound);
void binder_freep(struct binder **b);

/* Fill *out for device node. Never fails: what cannot be bound waits, and says why. */
void binder_bind(const struct binder *b, const struct node *device, struct binding *out);

/* Why a link cannot be scheduled, NULL if it can. For discover and bind. */
const char *binding_unschedulable(const struct link *l);
