/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which device of a plan claims which vNIC of the host, and which of the VMs' vNICs none claims. */

#include "patch.h"
#include "plan.h"

/* A device that waits claims its vNIC, too, if it is known which one that is. */
struct claims {
	const struct plan *plan; /* borrowed */
	const struct host *host; /* borrowed */
	uint32_t *bindings;      /* those of devices, sorted by vNIC; owned */
	size_t n;
	struct patch_list patches; /* of the bound ones; owned */
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
