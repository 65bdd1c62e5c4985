/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a host has, as data: its links, and the VMs behind its taps. Nothing here asks the kernel:
 * datapath/inventory.h does, and tests write hosts by hand.
 */

#include "core/model.h"
#include "kernel/net/link.h"
#include "kernel/vmm/vmm.h"

/* A network namespace that a selector of the model names (kernel/vmm/container.h). */
struct host_container {
	int32_t nsid; /* as link.peer_netns */
	char selector[MODEL_SELECTOR_SIZE];
};

/* Zeroed: a host without links. */
struct host {
	struct link *links; /* sorted by ifindex; owned */
	size_t n_links;
	size_t n_xdp; /* of links that have an XDP program */
	struct vmm_nic *nics; /* sorted by tap, one a tap; owned */
	size_t n_nics;
	struct vmm_sight sight; /* what of the processes could not be seen when nics were read */
	struct host_container *containers; /* sorted by nsid and selector; owned */
	size_t n_containers;
	uint32_t route_out; /* ifindex that the default route leaves by; 0: none, several, or not asked */
};

void host_free(struct host *h);

/* Take over an array of all links, in any order. */
void host_set_links(struct host *h, struct link *links, size_t n);
/*
 * Take over an array of all vNICs that a process has open, in any order, with one entry a tap. True if
 * anything that matters to divvy differs from before.
 */
bool host_set_nics(struct host *h, struct vmm_nic *nics, size_t n);

/* Take over an array of what was found, in any order. True if it differs from before. */
bool host_set_containers(struct host *h, struct host_container *list, size_t n);

enum host_change {
	HOST_SAME,    /* nothing that matters to divvy */
	HOST_CHANGED, /* a link came, or its name, carrier, master or kind changed */
	HOST_GONE,
};
/* Take in one link that is new or has changed. HOST_SAME also for want of memory. */
enum host_change host_put_link(struct host *h, const struct link *l);
/* HOST_GONE; HOST_SAME: there was no such link. */
enum host_change host_drop_link(struct host *h, uint32_t ifindex);

/* Borrowed until the next change; NULL: there is none. O(log n). */
const struct link *host_link(const struct host *h, uint32_t ifindex);
const struct vmm_nic *host_nic(const struct host *h, const char *tap);

/* All links by name: an array of borrowed ones, the caller's to free; NULL: out of memory. O(n log n). */
const struct link **host_by_name(const struct host *h);
/* In such an array. NULL: there is none of that name. O(log n). */
const struct link *host_called(const struct host *h, const struct link *const *by_name, const char *name);
