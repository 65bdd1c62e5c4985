/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which device of a specification has which vNIC of the host: a function of the model and the host.
 *
 * Theory of Operation
 *
 * Each vNIC is asked which devices' selectors fit it, and goes to the most specific one, so it has one device or
 * none. In this order a selector goes before another one:
 *	1. a text before a pattern;
 *	2. one of a vNIC (nic, mac) before one of a whole VM or container (vm, container);
 *	3. of two patterns, as pattern_compare() says;
 *	4. of two texts, the one that stands first in the model. The other device waits.
 * Two patterns that are alike in all this are a tie: neither has the vNIC.
 *
 * A VM's name is no proof of who it is. Where several processes have VMs of one name, a device that names it, or
 * an instance, keeps the process whose vNICs are in its class already; else it has none of them. So no other
 * process joins, and all vNICs of one process belong together. The same holds for several vNICs of one MAC
 * address. Under as: one this does not count, for there every match joins.
 *
 * Where the model has several uplinks, only selectors that are an interface's or MAC address's text decide alone.
 * All others fit a vNIC only if it leads to their device's uplink (reach.h).
 *
 * Last, each network of others takes the vNICs that are left and lead to its uplink.
 */

#include "namesake.h"

struct match {
	uint32_t node;              /* the device, in the model as it is written; or the network of others */
	const char *instance;       /* what it is an instance by; "" where the device is one; borrowed */
	const char *nic;            /* the vNIC's name; borrowed from the host */
	const struct link *link;    /* NULL: rtnetlink does not know it; borrowed */
	const struct vmm_nic *open; /* who has it open; NULL: not known; borrowed */
};

/* Why a vNIC that a selector fits is not the device's. */
enum refusal_kind {
	REFUSED_CLAIMED, /* a more specific selector, or an earlier one, has it: that of node other */
	REFUSED_TIED,    /* the pattern of node other is as specific: neither has it */
	REFUSED_NAMESAKE, /* several processes, or vNICs, have that name */
	REFUSED_ELSEWHERE, /* it leads to another uplink */
	REFUSED_ASTRAY, /* it cannot be told to which uplink it leads */
};

struct refusal {
	uint32_t node;
	enum refusal_kind kind;
	char nic[IFNAMSIZ];
	uint32_t other;  /* REFUSED_CLAIMED, REFUSED_TIED; else NODE_NONE */
};

struct match_list {
	struct match *list; /* sorted by node, instance and vNIC; owned */
	size_t n;
	struct refusal *refused; /* sorted by node and vNIC; owned */
	size_t n_refused;
};

/* What else it depends on; all of it is borrowed. */
struct match_input {
	const struct host *host;
	const struct bound_vnic *bound; /* sorted by ifindex */
	size_t n_bound;
	const struct classids *classids;
};

/*
 * 0 or -ENOMEM. The order of the host's lists does not matter. O(n log n + n * patterns). Borrows from the host
 * and the model.
 */
int match_all(const struct model *m, const struct match_input *in, struct match_list *out);
void match_list_free(struct match_list *l);

/* The first refusal of a node; NULL: there is none. Borrowed. O(log n). */
const struct refusal *match_refusal(const struct match_list *l, uint32_t node);
