/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which device of a plan claims which vNIC of the host, and which of the VMs' vNICs none claims. */

#include "plan.h"

/* A claimed veth that leads from one bridge of this host to another one. */
struct patch {
	uint32_t bridge;         /* ifindex; must stay first (base/byifindex.h) */
	bool outward;            /* divvy takes what comes from that bridge; else what goes there */
	const struct link *veth; /* borrowed from the host */
};

/* A device that waits claims its vNIC, too, if it is known which one that is. */
struct claims {
	const struct plan *plan; /* borrowed */
	const struct host *host; /* borrowed */
	uint32_t *nodes;         /* devices, sorted by vNIC; owned */
	size_t n;
	struct patch *patches; /* sorted by bridge; owned */
	size_t n_patches;
};

/* 0 or -ENOMEM. O(n log n). */
int claims_make(const struct plan *p, const struct host *h, struct claims *out);
void claims_free(struct claims *c);
/* The device's node, or NODE_NONE. O(log n). */
uint32_t claims_find(const struct claims *c, const char *nic);

/*
 * The vNICs of this host's VMs whose packets nothing divides: no device claims the vNIC, and none the veth by
 * which the vNIC's own bridge leads on (Proxmox's firewall bridge). Where the CPU is scheduled, also no device
 * claims another vNIC of the same VM. Nothing is unclaimed where the model is empty. *list is an array of
 * borrowed vNICs, the caller's to free, sorted by name. 0 or -ENOMEM.
 */
int claims_unclaimed(const struct claims *c, const struct vmm_nic ***list, size_t *n);

/*
 * The claimed veth behind the tap's own bridge, a bridge with two ports, as Proxmox's firewall makes for each
 * vNIC; borrowed. NULL: there is none. O(log n).
 */
const struct patch *claims_patch_of(const struct claims *c, const struct link *tap);
