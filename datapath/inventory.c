// SPDX-License-Identifier: GPL-2.0-or-later
#include "inventory.h"

#include "base/clock.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <linux/rtnetlink.h>

int inventory_links(struct host *h, struct rtnl *r)
{
	struct link *links = NULL;
	size_t n = 0;
	int err = link_list(r, &links, &n);

	if (err >= 0)
		host_set_links(h, links, n);
	return err;
}

int inventory_vms(struct host *h, struct records *records, bool fresh)
{
	struct vmm_nic *nics = NULL;
	struct vmm_sight sight = { 0 };
	size_t n = 0;
	int err = vmm_scan(PROCFS_ROOT, &nics, &n, &sight);
	bool differs;

	/* For want of memory nothing was seen of what hinders. */
	if (err < 0 && !sight.limit)
		return err;
	differs = !sight_same(&sight, &h->sight);
	h->sight = sight;
	if (err < 0)
		return err;
	(void)records_apply(records, nics, n, fresh, clock_now_ns());
	return host_set_nics(h, nics, n) || differs;
}

bool inventory_vm_gone(const struct host *h)
{
	for (size_t i = 0; i < h->n_nics; i++) {
		struct process p = { .pid = h->nics[i].pid, .start_time = h->nics[i].start_time };

		if (process_check(PROCFS_ROOT, &p) == -ESRCH)
			return true;
	}
	return false;
}

enum host_change inventory_event(struct host *h, const struct nlmsghdr *nlh, struct link *out)
{
	enum host_change change;
	struct link l;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) || link_parse(nlh, &l) < 0)
		return HOST_SAME;
	change = nlh->nlmsg_type == RTM_DELLINK ? host_drop_link(h, l.ifindex) : host_put_link(h, &l);
	if (change != HOST_SAME)
		*out = l;
	return change;
}
