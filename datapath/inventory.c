// SPDX-License-Identifier: GPL-2.0-or-later
#include "inventory.h"

#include "base/array.h"
#include "base/clock.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

int inventory_links(struct host *h, struct rtnl *r)
{
	struct link *links = NULL;
	size_t n = 0;
	int err = link_list(r, &links, &n);

	if (err >= 0)
		host_set_links(h, links, n);
	return err;
}

static bool is_listed(const struct vmm_nic *nics, size_t n, const char *tap)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(nics[i].tap, tap) == 0)
			return true;
	return false;
}

/* Whether the process is the one that it was, and may not be looked into now. */
static bool is_refused(const struct vmm_nic *nic)
{
	struct process p = { .pid = nic->pid, .start_time = nic->start_time };
	struct vmm_nic *now = NULL;
	size_t n = 0;
	int r = vmm_scan_pid(PROCFS_ROOT, nic->pid, &now, &n);

	free(now);
	return (r == -EPERM || r == -EACCES) && process_check(PROCFS_ROOT, &p) == 0;
}

/*
 * A process that was looked into before, and may not be any more (kernel.yama.ptrace_scope was set to 3, say): what was
 * known of its taps stands, for the process does. Its VM would lose its share otherwise. The list is not sorted then.
 */
static int keep_refused(const struct host *h, struct vmm_nic **nics, size_t *n)
{
	size_t seen = *n;

	for (size_t i = 0; i < h->n_nics; i++) {
		const struct vmm_nic *was = &h->nics[i];

		if (is_listed(*nics, seen, was->tap) || !is_refused(was))
			continue;
		if (array_reserve(nics, *n, sizeof(**nics)) < 0)
			return -ENOMEM;
		(*nics)[(*n)++] = *was;
	}
	return 0;
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
	if (err >= 0 && sight.limit && keep_refused(h, &nics, &n) < 0) {
		free(nics);
		return -ENOMEM;
	}
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
