/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Queueing disciplines other than HTB's classes: clsact, ingress, leaves, HTB's root. */

#include "core/sizing.h"
#include "rtnl.h"

struct qdisc {
	uint32_t ifindex;
	uint32_t handle; /* major << 16 */
	uint32_t parent; /* TC_H_ROOT, TC_H_INGRESS (also clsact), or a class */
	char kind[16];
	uint64_t drops, backlog_bytes, backlog_packets;
};

/* Qdiscs of one interface, or of all (ifindex 0). *q is the caller's to free. 0 or negative errno. */
int qdisc_list(struct rtnl *r, uint32_t ifindex, struct qdisc **q, size_t *n);

/*
 * All that follow append to the batch: 0, -ENOMEM, or -EINVAL for a kind of leaf that there is not. What the
 * kernel says comes from rtnl_commit().
 */
/*
 * The attachment point for ingress filters; -EEXIST from the kernel if there is one (NLM_F_EXCL is set, so
 * another's is never replaced).
 */
int qdisc_add_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag);
int qdisc_del_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/*
 * HTB root "major:" whose unmatched packets go to leaf major:defminor. A root of another handle is
 * replaced; -EEXIST from the kernel if there is one of this handle (net/sched/sch_api.c,
 * tc_modify_qdisc(): NLM_F_EXCL is about the handle, NLM_F_REPLACE about the root).
 */
int qdisc_add_htb(struct rtnl *r, uint32_t ifindex, uint16_t major, uint16_t defminor, uint32_t direct_qlen,
		  uint64_t tag);
/*
 * The queue under class parent. One of this kind that is there is changed and keeps what it holds (an
 * fq_codel as far as the limit allows); one of another kind is replaced, and what it holds is lost.
 */
int qdisc_set_leaf(struct rtnl *r, uint32_t ifindex, uint32_t parent, const struct leaf *leaf, uint64_t tag);

/*
 * Whether the kernel has fq_codel; it may load a module for that. The batch must be empty. Changes no qdisc.
 */
bool qdisc_has_fq_codel(struct rtnl *r);
