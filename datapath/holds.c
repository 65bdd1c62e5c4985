// SPDX-License-Identifier: GPL-2.0-or-later
#include "holds.h"

#include "base/byifindex.h"
#include "base/nsec.h"
#include "kernel/proc/procfs.h"
#include "kernel/vmm/setup.h"

#include <errno.h>

/* How often to look whether a process still sets up a vNIC: while the vNIC is new, and later. */
#define LOOK_NS (100 * NSEC_PER_MSEC)
#define LOOK_LATER_NS NSEC_PER_SEC

/* A process has to be done first. NULL: none. */
static const char *process(const struct host *h, const struct link *l, bool young)
{
	const struct vmm_nic *nic = host_nic(h, l->name);

	if (!nic)
		return NULL;
	if (vmm_is_manager(nic->vmm))
		return "its manager has it open, and no VM yet";
	if (young && vmm_script_runs(PROCFS_ROOT, nic->pid, (unsigned int)(SETTLE_YOUNG_NS / NSEC_PER_SEC)))
		return "a script of its VM runs";
	return NULL;
}

int holds_read(const struct host *h, const struct tree *have, const struct settle *s, uint64_t now_ns,
	       struct plan_hold **list, size_t *n)
{
	struct plan_hold *found = calloc(h->n_links + 1, sizeof(*found));
	size_t n_found = 0;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_links; i++) {
		const struct link *l = &h->links[i];
		bool young = settle_is_young(s, l->ifindex, now_ns);
		struct plan_hold hold = { .ifindex = l->ifindex };

		if (binding_unschedulable(l))
			continue;
		hold.until_ns = settle_not_before(s, l->ifindex, now_ns);
		if (hold.until_ns > now_ns) {
			hold.why = "its manager is still setting it up";
		} else {
			hold.until_ns = now_ns + (young ? LOOK_NS : LOOK_LATER_NS);
			hold.why = tree_has_vnic(have, l->ifindex) ? NULL : process(h, l, young);
		}
		if (hold.why)
			found[n_found++] = hold;
	}
	*list = found;
	*n = n_found;
	return 0;
}

bool holds_managed(const struct host *h)
{
	for (size_t i = 0; i < h->n_nics; i++)
		if (vmm_is_manager(h->nics[i].vmm))
			return true;
	return false;
}

uint64_t holds_next_ns(const struct tree *want, const struct tree *have)
{
	uint64_t next = 0;

	for (size_t i = 0; i < want->n_vnics; i++) {
		const struct tree_vnic *v = &want->vnics[i];

		if (v->not_before_ns && tree_vnic_lacks(v, tree_same_vnic(have, v)) &&
		    (!next || v->not_before_ns < next))
			next = v->not_before_ns;
	}
	return next;
}

bool holds_last(struct tree *want, const struct tree *have, struct plan_hold *list, size_t n)
{
	for (size_t i = 0; i < want->n_vnics; i++) {
		struct tree_vnic *v = &want->vnics[i];
		const struct plan_hold *hold = byifindex_find(list, n, sizeof(*list), v->ifindex);

		if (!v->not_before_ns || !tree_vnic_lacks(v, tree_same_vnic(have, v)))
			continue;
		if (!hold)
			return false;
		v->not_before_ns = hold->until_ns;
	}
	return true;
}
