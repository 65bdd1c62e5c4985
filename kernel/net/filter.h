/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * cls_bpf filters: at a vNIC's tc ingress, with a mirred action into divvy's IFB; and at the root of that
 * IFB's HTB, with direct action. divvy's filters are known by their name (TCA_BPF_NAME "divvy"). At a vNIC
 * divvy's is the last one at the hook, unless the specification wants it to be the first.
 */

#include "rtnl.h"

#define FILTER_PREF 0xfff0 /* the hook walks filters in ascending order */
#define FILTER_HANDLE 1
/*
 * The place of a filter that goes before all others. The handle is one that no other program asks for: a bpf
 * filter of another program at this preference is not replaced by ours, nor ours by it. The newer one of
 * the two is first (net/sched/cls_bpf.c, cls_bpf_change()).
 */
#define FILTER_PREF_FIRST 1
#define FILTER_HANDLE_FIRST 0xd177
#define FILTER_NAME "divvy"

/* Where a filter is, besides a qdisc's handle ("major:0"): the two places of clsact. `ingress` has the first alone. */
#define FILTER_INGRESS 0xfffffff2U
#define FILTER_EGRESS 0xfffffff3U

struct filter {
	uint32_t ifindex;
	uint16_t pref;
	uint32_t handle;
	uint32_t chain; /* 0: packets come here; others are reached by a goto only */
	char kind[16];
	bool ours;
	bool egress;       /* filter_list_all(): at clsact's other hook */
	uint32_t classid;  /* ours: the flowid; at a vNIC for tc's and adoption's eyes */
	uint32_t prog_id;  /* ours */
	uint32_t redirect; /* ours: ifindex of the IFB, 0 if the action is missing */
};

/*
 * Filters at tc ingress (parent ffff:fff2) of ifindex, in the order in which a chain's packets meet them. *f
 * is the caller's to free. 0 (*n is 0 where there is no hook), or negative errno with both untouched.
 */
int filter_list(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n);
/* The same at another place. */
int filter_list_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, struct filter **f, size_t *n);
/* The same at both hooks of clsact, ingress and egress: do other programs use it? */
int filter_list_all(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n);
/* Whether an event of the tc group, RTM_NEWACTION or RTM_DELACTION, is about redirects. */
bool filter_event_redirects(const struct nlmsghdr *nlh);

/*
 * Append to the batch: make divvy's filter, or replace it atomically; delete it. prog_fd is borrowed until
 * rtnl_commit(). tag: given back by rtnl_commit() on failure. 0 or -ENOMEM.
 */
int filter_set(struct rtnl *r, uint32_t ifindex, int prog_fd, uint32_t classid, uint32_t ifb, uint64_t tag);
int filter_set_root(struct rtnl *r, uint32_t ifb, uint32_t root, int prog_fd, uint64_t tag);
int filter_del(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/*
 * Delete one of others, of any kind, that filter_list_at() has found in chain 0. Where its preference is
 * not divvy's, all of that preference go: a u32 leaves its hash table behind else.
 */
int filter_del_root(struct rtnl *r, uint32_t ifb, uint32_t root, const struct filter *f, uint64_t tag);
/*
 * The same at FILTER_PREF_FIRST. The kernel's answer is -EINVAL if a filter of another kind has the
 * preference.
 */
int filter_set_first(struct rtnl *r, uint32_t ifindex, int prog_fd, uint32_t classid, uint32_t ifb,
		     uint64_t tag);
int filter_del_first(struct rtnl *r, uint32_t ifindex, uint64_t tag);
/* The same, last or first, at another place. */
int filter_set_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, bool first, int prog_fd, uint32_t classid,
		  uint32_t ifb, uint64_t tag);
int filter_del_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, bool first, uint64_t tag);
