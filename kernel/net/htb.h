/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* HTB classes (net/sched/sch_htb.c). */

#include "core/types.h"
#include "rtnl.h"

/*
 * Major of every HTB that this adapter works on. (kernel/bpf/abi.h, DIVVY_HTB_MAJOR, says why it is not 1.)
 * Classes of another major are not seen.
 */
#define HTB_MAJOR 0xd177U

struct htb_class {
	uint16_t minor;
	uint16_t parent; /* minor of the parent class; 0: the root qdisc */
	struct rate rate, ceil;
	uint64_t burst, cburst; /* bytes; the kernel keeps them as time, so they read back rounded */
	uint32_t quantum;       /* bytes; leaves only */
	uint16_t overhead;      /* bytes a packet */
	bool leaf;
};

struct htb_stats {
	uint16_t minor;
	uint16_t parent;
	bool leaf;
	uint64_t bytes, packets; /* sent, since the class was made */
	uint64_t drops, overlimits;
	uint64_t backlog_bytes, backlog_packets;
	uint32_t lended, borrowed; /* packets sent at the class's own rate; with a parent's tokens */
};

/*
 * Append to the batch: create (NLM_F_EXCL), change in place (the queue and the counters stay), delete. The
 * major number is 1. tag: given back by rtnl_commit() on failure. 0; -ENOMEM; -EINVAL: a class without minor
 * or rate, or with a ceiling below its rate.
 */
int htb_class_add(struct rtnl *r, uint32_t ifindex, const struct htb_class *c, uint64_t tag);
int htb_class_change(struct rtnl *r, uint32_t ifindex, const struct htb_class *c, uint64_t tag);
int htb_class_del(struct rtnl *r, uint32_t ifindex, uint16_t minor, uint64_t tag);

/*
 * All classes of the interface's HTB and their statistics, from one dump, sorted by minor. c or s may be
 * NULL. Arrays are the caller's to free. 0, or negative errno with outputs untouched.
 */
int htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n);

/*
 * Statistics of one class, asked for by itself: 6 us, while a dump takes 4 us for each class that there is. Programs
 * that listen for tc events hear of each question, so it is for few. 0; -ENOENT: there is no such class; or another
 * negative errno. *s is untouched on failure.
 */
int htb_get_stats(struct rtnl *r, uint32_t ifindex, uint16_t minor, struct htb_stats *s);

/* Whether a and b are the same class once the kernel has rounded both. */
bool htb_class_same(const struct htb_class *a, const struct htb_class *b);
