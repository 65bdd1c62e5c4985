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
	uint64_t bytes; /* that came to it; at ingress without link-layer headers */
	uint64_t drops, backlog_bytes, backlog_packets;
	/* LEAF_NONE: neither kind, or an fq_codel with a setting that qdisc_set_leaf() would change. */
	struct leaf leaf;
	uint32_t htb_default, htb_direct_qlen; /* of an HTB: minor of the default leaf; packets */
};

/*
 * Qdiscs of one interface, or of all (ifindex 0). The kernel dumps all in either case. *q is the caller's to
 * free. 0 or negative errno.
 */
int qdisc_list(struct rtnl *r, uint32_t ifindex, struct qdisc **q, size_t *n);

/*
 * The root qdisc of an interface: what it counts is of all below it, too. One question, however many qdiscs and classes
 * the host has. 0; -ENODEV: there is no such interface; -ENOENT: the kernel shows none; or negative errno.
 */
int qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out);

/*
 * The functions up to the last append to the batch: 0; -ENOMEM; -EINVAL: there is no such kind of leaf. The
 * kernel's answer comes from rtnl_commit(), with the tag.
 */
/*
 * The place for filters at ingress; clsact has one at egress, too. A link has one of either. The kernel's
 * answer is -EEXIST if there is one: NLM_F_EXCL is set, so that of another program is never replaced.
 */
int qdisc_add_ingress(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/* The kernel's answer is negative also if the one that is there is of the other kind. */
int qdisc_del_ingress(struct rtnl *r, uint32_t ifindex, uint64_t tag);
int qdisc_add_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag);
int qdisc_del_clsact(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/*
 * An HTB root "major:". Packets that match no class go to the leaf major:defminor; direct_qlen: packets
 * that HTB's direct queue holds. A root of another handle is replaced. The kernel's answer is -EEXIST if
 * there is a root of this handle (net/sched/sch_api.c, tc_modify_qdisc(): NLM_F_EXCL is about the handle,
 * NLM_F_REPLACE about the root).
 */
int qdisc_add_htb(struct rtnl *r, uint32_t ifindex, uint16_t major, uint16_t defminor, uint32_t direct_qlen,
		  uint64_t tag);
/*
 * The same without a default and without classes, so that all packets go straight through it: a place for filters at a
 * vNIC's egress. replace: it takes the place of another program's root. Without it the kernel's answer is -EEXIST if
 * there is one, but not for what the kernel puts there by itself.
 */
int qdisc_add_egress(struct rtnl *r, uint32_t ifindex, uint16_t major, bool replace, uint64_t tag);
/* Delete that root; the kernel's answer is -EINVAL if the root is another one. */
int qdisc_del_egress(struct rtnl *r, uint32_t ifindex, uint16_t major, uint64_t tag);
/* A root qdisc without a queue, in the place of whatever there is. */
int qdisc_add_noqueue(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/* Delete the root qdisc, of whatever kind, with all below it; -ENOENT: there is none but the kernel's own. */
int qdisc_del_root(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/*
 * The queue under the class parent. A queue of this kind that is there is changed, and keeps its packets (an
 * fq_codel as far as the limit allows). A queue of another kind is replaced, and its packets are lost.
 */
int qdisc_set_leaf(struct rtnl *r, uint32_t ifindex, uint32_t parent, const struct leaf *leaf, uint64_t tag);

/* Whether a and b are the same queue once the kernel has rounded both. */
bool qdisc_leaf_same(const struct leaf *a, const struct leaf *b);

/* Whether the kernel has fq_codel; it may load a module. The batch must be empty. No qdisc is changed. */
bool qdisc_has_fq_codel(struct rtnl *r);
