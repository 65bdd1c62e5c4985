/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the host has, asked from the kernel: links by rtnetlink, VMs from /proc. */

#include "kernel/net/rtnl.h"
#include "kernel/vmm/records.h"
#include "plan/host.h"

/* Read all links. 0, or negative errno with *h untouched. */
int inventory_links(struct host *h, struct rtnl *r);
/*
 * Read /proc, and what managers record of the VMs that are there. A process that may no longer be looked into keeps what
 * was known of it. 1: something that matters to divvy has changed; 0:
 * nothing has; negative errno: h->nics is untouched, and h->sight says whether it is /proc that cannot be read. Records
 * that cannot be read are no error: records_news() tells. fresh: as for records_apply().
 */
int inventory_vms(struct host *h, struct records *records, bool fresh);
/* Whether a process behind a tap has ended since /proc was read. Where another holds the tap, no event tells. */
bool inventory_vm_gone(const struct host *h);
/*
 * Take in one message of the link group. *out is the link that came, changed or went; it is untouched with
 * HOST_SAME.
 */
enum host_change inventory_event(struct host *h, const struct nlmsghdr *nlh, struct link *out);
