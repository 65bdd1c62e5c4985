/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which vNIC a device of the specification is on this host, now: a function of the model and the host.
 */

#include "core/model.h"
#include "host.h"
#include "reason.h"

struct binding {
	bool bound;
	uint32_t ifindex;   /* bound: the vNIC's; else 0 */
	char nic[IFNAMSIZ]; /* bound: the vNIC's name; waiting: the name if it is known, else "" */
	uint32_t queues;    /* of the vNIC, at least 1 */
	bool backpressure;  /* the VMM is to be held back through the send buffer */
	/* Bound by force: true alone: the nft chain that sees no packet, "fw/in at ingress of tap0"; else "". */
	char passed_by[160];
	struct reason why;  /* waiting: for what; bound: why there is no backpressure */
	/* The process behind the vNIC; pid 0: none is known. */
	pid_t pid;
	uint64_t start_time; /* of pid: clock ticks since boot */
	enum vmm_vhost vhost; /* of this vNIC */
	bool vmm_known; /* it is a VMM of divvy's table; another process is never paused */
	char vmm[VMM_KIND_SIZE], vm[VMM_NAME_SIZE];
};

/*
 * The host, indexed for look-ups in O(log n). bound: ifindexes of the n vNICs that are bound already, in
 * ascending order. Where several vNICs fit a selector, and exactly one of them is bound already, the binder
 * keeps that one: a second process that takes a VM's name does not unbind the VM. Host and bound are borrowed
 * and must not change while the binder is used. NULL: out of memory.
 */
struct binder;
struct binder *binder_new(const struct host *h, const uint32_t *bound, size_t n);
void binder_freep(struct binder **b);

/* Fill *out for a device. A device that cannot be bound waits, and out->why says for what. */
void binder_bind(const struct binder *b, const struct node *device, struct binding *out);

/* The link of that name, borrowed from the host; NULL: there is none. */
const struct link *binder_link(const struct binder *b, const char *name);

/*
 * Whether discover tells of the link: a vNIC, or what is easily taken for one. Hardware, bridges, and VLANs of ports are
 * none.
 */
bool binding_is_shown(const struct host *h, const struct link *l);

/* Why a link cannot be scheduled, for discover and for binding; NULL: it can. */
const char *binding_unschedulable(const struct link *l);
