/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What divvyd holds of the data path: its socket to the kernel, the classifier, and what it believes the
 * kernel has. observe.h reads that anew, apply.h brings it to a plan, drain.h ends what is superfluous.
 */

#include "hooks.h"
#include "kernel/bpf/burst.h"
#include "kernel/bpf/classifier.h"
#include "kernel/net/rtnl.h"
#include "plan/tree.h"
#include "settle.h"

#include <linux/rtnetlink.h>

struct others;

struct dataplane {
	struct rtnl *rtnl;             /* owned */
	struct classifier *classifier; /* owned */
	struct burst *burst;           /* owned; NULL: this kernel drops none before HTB, or see burst_error */
	int burst_error;               /* why such drops are not counted, negative errno; 0: they are, or there are none */
	struct tree have;              /* what the kernel has, classes that drain included */
	bool stale;                    /* have is not to be trusted: observe first */
	bool half_done;                /* divvyd's own work failed half-way: not all that differs is others' */
	/* What others have at have's vNICs, borrowed; NULL: events about it wait to be read, so the kernel is to be asked. */
	const struct others *others;
	struct hooks hooks;            /* of have's vNICs, at ingress */
	struct hooks noqueues;         /* of have's vNICs: a root without a queue that divvy's root has replaced */
	struct settle settle;          /* which vNICs others are setting up */
	bool fq_codel;                 /* the kernel has it */
	unsigned int turn;             /* of dataplane_look_turn() */
};

/* The classifier's key of a vNIC in its direction (kernel/bpf/abi.h). */
static inline uint32_t dataplane_key(const struct tree_vnic *v)
{
	return v->ifindex | (v->direction == DIRECTION_RX ? DIVVY_RX : 0);
}

/*
 * Open socket and classifier; have is stale then. 0, or negative errno with a line for a person in errtext;
 * dataplane_close() takes *p in both cases.
 */
int dataplane_open(struct dataplane *p, char *errtext, size_t size);
/* What is in the kernel stays there and keeps working. */
void dataplane_close(struct dataplane *p);

/*
 * Read divvy's objects from the kernel: at the start, and when events or an error say that have is wrong. 0,
 * or negative errno with have untouched.
 */
int dataplane_observe(struct dataplane *p);

/* What a tc event of a vNIC, its type (RTM_*) and header, says. root: divvy is at its root, or shall be. */
enum settle_news dataplane_tc_news(uint16_t type, const struct tcmsg *tcm, bool root);
/*
 * Another program's tc event on a vNIC. True: all that divvy had there is gone, and
 * p->have says so. The class keeps its packets. May ask the kernel.
 */
bool dataplane_tc_event(struct dataplane *p, uint16_t type, const struct tcmsg *tcm);

/* The same in two steps, for a caller that compares: look (at all; or at n links, ascending), and take it. */
int dataplane_look(const struct dataplane *p, const uint32_t *ifindex, size_t n, struct tree *seen);
/*
 * A look at the filters of about DATAPLANE_TURN_LINKS links, at the next call those of others, and once in a round at all
 * IFBs. So an audit's cost hardly grows with their number: the kernel dumps filters one link at a time, and
 * qdiscs those of all links. What changes at an IFB is told by events (mend.h); the look is for one that got lost.
 */
#define DATAPLANE_TURN_LINKS 128
int dataplane_look_turn(struct dataplane *p, const struct host *h, struct tree *seen);
void dataplane_take(struct dataplane *p, struct tree *seen);

/* The kernel removed this link with all that hung on it. */
void dataplane_forget(struct dataplane *p, uint32_t ifindex);
/* Events were lost, and all links were read: which class the vNICs had that are gone is forgotten. have is stale. */
void dataplane_forget_gone(struct dataplane *p, const struct host *h);
