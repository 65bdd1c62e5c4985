/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel objects that enforce shares, brought from what is there to what is wanted.
 *
 * Theory of Operation
 *
 * Packets must find their class at every moment, also when the daemon is killed between two steps.
 * Each change goes in this order:
 *	1. IFBs and their roots that are missing;
 *	2. one batch: new classes with their queues, changed classes in place (queued packets and
 *	   counters stay);
 *	3. one map update: packets of new or moved vNICs carry their class from here on;
 *	4. one batch: filters of new vNICs, of vNICs that change their uplink; filters of those released go;
 *	5. classes that nothing feeds any more drain at their rate and are deleted when empty
 *	   (dataplane_drain(), called by a timer), IFBs after their last class.
 * Nothing is ever taken down to be built up again.
 */

#include "hooks.h"
#include "kernel/bpf/classifier.h"
#include "kernel/net/rtnl.h"
#include "plan/tree.h"

struct dataplane {
	struct rtnl *rtnl;             /* owned */
	struct classifier *classifier; /* owned */
	struct tree have;              /* what the kernel has, drained classes included */
	bool stale;                    /* have is not to be trusted: observe first */
	struct hooks hooks;            /* of have's vNICs */
	bool fq_codel;                 /* the kernel has it */
};

/* 0 or negative errno, with errtext a line for a person; then, too, dataplane_close() takes it. */
int dataplane_open(struct dataplane *p, char *errtext, size_t size);
/* What is in the kernel stays there and keeps working. */
void dataplane_close(struct dataplane *p);

/*
 * Read divvy's objects from the kernel: at start, and when events or an error say that have is wrong. 0 or
 * negative errno; have is untouched then.
 */
int dataplane_observe(struct dataplane *p);

/* A vNIC that could not be attached to. */
struct dataplane_missed {
	uint32_t ifindex;
	struct rtnl_failure failure; /* -ENODEV: it vanished */
};

/*
 * Make the kernel have what is wanted. vNICs that vanished meanwhile, and new ones that take no filter, are
 * passed over: they are stored in missed[] (room for want->n_vnics). 0, or negative errno with errtext a line
 * for a person; the caller then applies the former tree again. have tells the truth in both cases.
 */
int dataplane_apply(struct dataplane *p, const struct host *h, const struct tree *want,
		    struct dataplane_missed *missed, size_t *n_missed, char *errtext, size_t size);

/* Delete what is no longer wanted and has drained. How many objects still drain, or negative errno. */
int dataplane_drain(struct dataplane *p, const struct tree *want);

/* The kernel removed this link with all that hung on it. */
void dataplane_forget(struct dataplane *p, uint32_t ifindex);
