/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the host has now: links by ifindex, kept current by rtnetlink events, and the VMs behind
 * taps, read from /proc when a link event says that it is worth looking.
 */

#include "kernel/net/link.h"
#include "kernel/vmm/vmm.h"

struct host {
	struct link *links; /* sorted by ifindex; owned */
	size_t n_links;
	struct vmm_nic *nics; /* sorted by tap; owned */
	size_t n_nics;
};

void host_free(struct host *h);

/* Dump all links again. 0 or negative errno; what was known stays on failure. */
int host_read_links(struct host *h, struct rtnl *r);
/* Scan /proc again. *changed, if given: whether anything differs from before. */
int host_read_vms(struct host *h, bool *changed);

/* Take in one link event. */
enum host_change {
	HOST_SAME,    /* nothing that matters to divvy */
	HOST_CHANGED, /* a link came, or its name, carrier or kind changed */
	HOST_GONE,    /* *out is the link that went */
};
enum host_change host_event(struct host *h, const struct nlmsghdr *nlh, struct link *out);

/* Borrowed until the next host_*() call that changes; NULL if there is none. */
const struct link *host_link(const struct host *h, uint32_t ifindex);
const struct link *host_link_named(const struct host *h, const char *name);
const struct vmm_nic *host_nic(const struct host *h, const char *tap);
