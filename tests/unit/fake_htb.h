/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * In place of the kernel, for the test of datapath/drain.c: IFBs with HTB classes, as a table. It refuses
 * what HTB refuses, and fails the test where packets would be lost. Its program is linked with --wrap for
 * what drain.c calls (Makefile).
 */

#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"
#include "kernel/net/link.h"
#include "tree_rig.h"

#include <errno.h>

#define N_IFBS ARRAY_SIZE(uplink_names)
#define IFB_FIRST 100
#define REQUESTS 64

struct k_class {
	bool there;
	uint16_t parent;
	uint64_t waiting; /* packets */
};

struct k_ifb {
	bool there;
	struct k_class class[UINT16_MAX + 1];
};

static struct k_ifb *kernel; /* N_IFBS of them */
static struct request {
	uint32_t ifb;
	uint16_t minor; /* 0: the IFB itself */
} batch[REQUESTS];
static size_t n_batch, n_looks, n_class_dels, n_link_dels;
static int list_error, commit_error;
static uint32_t list_error_ifb;         /* 0: of every IFB */
static uint64_t look_takes_ns, fake_ns; /* the clock that drain.c sees */

static inline uint64_t waiting_in(const struct k_ifb *ifb)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= UINT16_MAX; i++)
		n += ifb->class[i].there ? ifb->class[i].waiting : 0;
	return n;
}

static inline bool has_children(const struct k_ifb *ifb, uint16_t minor)
{
	for (size_t i = 0; i <= UINT16_MAX; i++)
		if (ifb->class[i].there && ifb->class[i].parent == minor)
			return true;
	return false;
}

uint64_t __wrap_clock_now_ns(void);
int __wrap_htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n);
int __wrap_qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out);
int __wrap_htb_class_del(struct rtnl *r, uint32_t ifindex, uint16_t minor, uint64_t tag);
int __wrap_link_del(struct rtnl *r, uint32_t ifindex, uint64_t tag);
int __wrap_rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max);
void __wrap_rtnl_discard(struct rtnl *r);

uint64_t __wrap_clock_now_ns(void)
{
	return fake_ns;
}

/* A look begins: each class sends up to two packets before it. 0 or negative errno. */
static inline int begin_look(struct k_ifb *ifb, uint32_t ifindex)
{
	n_looks++;
	fake_ns += look_takes_ns;
	if (list_error && (!list_error_ifb || list_error_ifb == ifindex))
		return list_error;
	assert_true(ifb->there);
	for (size_t i = 0; i <= UINT16_MAX; i++) {
		struct k_class *k = &ifb->class[i];

		if (k->there)
			k->waiting -= k->waiting < 2 ? k->waiting : rnd_below(3);
	}
	return 0;
}

int __wrap_qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out)
{
	struct k_ifb *ifb = &kernel[ifindex - IFB_FIRST];
	int err = begin_look(ifb, ifindex);

	(void)r;
	if (err >= 0)
		*out = (struct qdisc){ .ifindex = ifindex, .backlog_packets = waiting_in(ifb) };
	return err;
}

int __wrap_htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n)
{
	struct k_ifb *ifb = &kernel[ifindex - IFB_FIRST];
	struct htb_stats *list;
	size_t found = 0;
	int err = begin_look(ifb, ifindex);

	(void)r;
	assert_null(c);
	if (err < 0)
		return err;
	list = calloc(2 * MINORS_END, sizeof(*list));
	assert_non_null(list);
	for (size_t i = 0; i <= UINT16_MAX; i++) {
		struct k_class *k = &ifb->class[i];

		if (!k->there)
			continue;
		list[found++] = (struct htb_stats){ .minor = (uint16_t)i,
						    .parent = k->parent,
						    .backlog_packets = k->waiting };
	}
	*s = list;
	*n = found;
	return 0;
}

static inline int request(uint32_t ifb, uint16_t minor)
{
	assert_true(n_batch < REQUESTS);
	batch[n_batch++] = (struct request){ ifb, minor };
	return 0;
}

int __wrap_htb_class_del(struct rtnl *r, uint32_t ifindex, uint16_t minor, uint64_t tag)
{
	(void)r, (void)tag;
	n_class_dels++;
	return request(ifindex, minor);
}

int __wrap_link_del(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	(void)r, (void)tag;
	n_link_dels++;
	return request(ifindex, 0);
}

void __wrap_rtnl_discard(struct rtnl *r)
{
	(void)r;
	n_batch = 0;
}

/* In order, as the kernel does. No class that holds packets may go; HTB refuses one that has children. */
int __wrap_rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max)
{
	int failed = 0;

	(void)r;
	assert_true(fail && max >= 1);
	for (size_t i = 0; i < n_batch && !commit_error; i++) {
		struct k_ifb *ifb = &kernel[batch[i].ifb - IFB_FIRST];
		struct k_class *k = &ifb->class[batch[i].minor];

		if (batch[i].minor == 0) {
			assert_true(ifb->there);
			assert_int_equal(waiting_in(ifb), 0);
			memset(ifb, 0, sizeof(*ifb));
			continue;
		}
		assert_true(k->there);
		assert_int_equal(k->waiting, 0);
		if (has_children(ifb, batch[i].minor)) {
			*fail = (struct rtnl_failure){ .error = -EBUSY };
			failed++;
			continue;
		}
		k->there = false;
	}
	n_batch = 0;
	return commit_error ? commit_error : failed;
}

/* The kernel has what divvyd believes; each class that drains holds up to most packets. */
static inline void boot(const struct tree *have, uint32_t most)
{
	memset(kernel, 0, N_IFBS * sizeof(*kernel));
	n_batch = n_looks = n_class_dels = n_link_dels = 0;
	list_error = commit_error = 0;
	list_error_ifb = 0;
	look_takes_ns = 0;
	for (size_t i = 0; i < have->n_uplinks; i++) {
		const struct tree_uplink *u = &have->uplinks[i];
		struct k_ifb *ifb = &kernel[u->ifb - IFB_FIRST];

		ifb->there = true;
		for (size_t c = 0; c < u->n_classes; c++)
			ifb->class[u->classes[c].htb.minor] = (struct k_class){
				.there = true,
				.parent = u->classes[c].htb.parent,
				.waiting = u->classes[c].htb.leaf ? rnd_below(most + 1) : 0,
			};
	}
}
