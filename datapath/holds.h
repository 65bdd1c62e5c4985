/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The vNICs that divvy must not attach to now, for a plan's input: their managers are still setting them up.
 */

#include "plan/plan.h"
#include "settle.h"

/*
 * News of a vNIC is too fresh (settle.h); or a script of its VMM runs (Proxmox's makes the tap's tc
 * settings); or a manager (libvirtd) alone has the tap open, which it hands to a VMM later. h must be of
 * now. *list, sorted by ifindex, is the caller's to free. 0 or -ENOMEM; outputs are untouched on failure.
 */
int holds_read(const struct host *h, const struct tree *have, const struct settle *s, uint64_t now_ns,
	       struct plan_hold **list, size_t *n);

/* Whether a manager has a tap open. No event tells that it handed the tap to a VM. O(n). */
bool holds_managed(const struct host *h);

/*
 * When to ask again for the vNICs of want that are held and that divvy is not on; 0: there are none. O(n log
 * n).
 */
uint64_t holds_next_ns(const struct tree *want, const struct tree *have);
/*
 * Whether all of these are held still; they have their new times then. list: from holds_read(). O(n log n).
 */
bool holds_last(struct tree *want, const struct tree *have, struct plan_hold *list, size_t n);
