/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Veths that lead from one bridge of this host to another one, as Proxmox's firewall makes for each vNIC. */

#include "host.h"

struct patch {
	uint32_t bridge;         /* ifindex, of a bridge with two ports; must stay first (base/byifindex.h) */
	bool outward;            /* divvy takes what comes from that bridge; else what goes there */
	const struct link *veth; /* that divvy takes it at; borrowed from the host */
};

struct patch_list {
	struct patch *list; /* sorted by bridge; owned. Zeroed: none */
	size_t n;
};

/* Append the patches that a link makes that divvy divides, if any. 0 or -ENOMEM. O(links) for a veth of which both
 * ends are here. */
int patch_add(struct patch_list *l, const struct host *h, const struct link *claimed);
/* After the last patch_add(). */
void patch_seal(struct patch_list *l);
void patch_list_free(struct patch_list *l);

/* The patch behind the tap's own bridge; borrowed. NULL: there is none. O(log n). */
const struct patch *patch_of(const struct patch_list *l, const struct link *tap);
/* Whether both ends of a veth are in this network namespace. */
bool patch_is_inside(const struct link *l);
