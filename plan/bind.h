/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A device's vNIC on this host, now: whether it is bound, and what that means. */

#include "core/model.h"
#include "egress.h"
#include "host.h"
#include "reason.h"

/*
 * In a plan's array the first n_nodes bindings are one for each node, and those of the further vNICs of devices that
 * have several stand behind them. A device's first vNIC is a bound one if any is.
 */
struct binding {
	uint32_t node; /* in the plan's model */
	uint32_t next; /* in the plan's array: of the device's next vNIC; 0: there is none */
	bool bound;
	uint32_t ifindex;   /* bound: the vNIC's; else 0 */
	char nic[IFNAMSIZ]; /* bound: the vNIC's name; waiting: the name if it is known, else "" */
	uint32_t queues;    /* of the vNIC, at least 1 */
	bool backpressure;  /* the VMM is to be held back through the send buffer */
	/* Bound by force: true alone: the nft chain that sees no packet, "fw/in at ingress of tap0"; else "". */
	char passed_by[160];
	struct reason why;  /* waiting: for what; bound: why there is no backpressure */
	bool lower;         /* a macvtap or macvlan: it sends through its own egress */
	/* What the VM receives is divided, too; with lower, what it sends leaves by this place as well. */
	bool rx;
	struct reason rx_why; /* why it is not, though it should be; REASON_NONE: it should not, or it waits as a whole */
	uint32_t missing;     /* ifindex of a vNIC at whose egress there is no place for a filter that is wanted; 0: none */
	struct egress_place egress; /* of its filter there, if the plan needs one */
	/* The process behind the vNIC; pid 0: none is known. */
	pid_t pid;
	uint64_t start_time; /* of pid: clock ticks since boot */
	enum vmm_vhost vhost; /* of this vNIC */
	bool vmm_known; /* it is a VMM of divvy's table; another process is never paused */
	char vmm[VMM_KIND_SIZE], vm[VMM_NAME_SIZE];
};

/*
 * Fill *out, but for node and next, for a device and a vNIC that is its own. l: NULL: rtnetlink does not know it;
 * open: who has it open, or NULL; unseen: why divvyd may not look into all processes, or NULL. A vNIC that cannot be bound waits, and out->why says for what.
 */
void bind_vnic(const struct node *device, const char *nic, const struct link *l, const struct vmm_nic *open,
	       const char *unseen, struct binding *out);

/* From a device's binding to its next one, whose index *at becomes: false: that was the last. */
static inline bool binding_next(const struct binding *all, uint32_t *at)
{
	*at = all[*at].next;
	return *at != 0;
}

/*
 * Whether discover tells of the link: a vNIC, or what is easily taken for one. Hardware, bridges, and VLANs of ports are
 * none.
 */
bool binding_is_shown(const struct host *h, const struct link *l);

/* Whether it sends through a lower device of its own: a macvtap or macvlan. */
bool binding_is_lower(const struct link *l);

/*
 * Why no packet comes from a vNIC now: REASON_NONE: one may; else REASON_NOT_OPEN, REASON_DOWN or REASON_NO_CARRIER. open: who
 * has the tap open, or NULL. A tap is bound only where it is REASON_NONE; what other kinds lack is not the VM's to say.
 */
enum reason_code binding_idle(const struct link *l, const struct vmm_nic *open);

/* Whether a VM or container is at the other end: for a tap, whether a process has it open, also while it is down. */
bool binding_is_live(const struct link *l);

/* Why a link cannot be scheduled, for discover and for binding; NULL: it can. */
const char *binding_unschedulable(const struct link *l);
