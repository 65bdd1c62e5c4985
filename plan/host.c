// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

void host_free(struct host *h)
{
	free(h->links);
	free(h->nics);
	*h = (struct host){ 0 };
}

int host_read_links(struct host *h, struct rtnl *r)
{
	struct link *links = NULL;
	size_t n = 0;
	int err = link_list(r, &links, &n);

	if (err < 0)
		return err;
	free(h->links);
	h->links = links;
	h->n_links = n;
	return 0;
}

static bool nic_same(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->tap, b->tap) == 0 && a->pid == b->pid && a->start_time == b->start_time &&
	       strcmp(a->vmm, b->vmm) == 0 && strcmp(a->vm, b->vm) == 0 && a->queues == b->queues &&
	       a->waits == b->waits;
}

int host_read_vms(struct host *h, bool *changed)
{
	struct vmm_nic *nics = NULL;
	size_t n = 0;
	int err = vmm_scan("/proc", &nics, &n);
	bool differs;

	if (err < 0)
		return err;
	differs = n != h->n_nics;
	for (size_t i = 0; i < n && !differs; i++)
		differs = !nic_same(&nics[i], &h->nics[i]);
	free(h->nics);
	h->nics = nics;
	h->n_nics = n;
	if (changed)
		*changed = differs;
	return 0;
}

static bool link_same(const struct link *a, const struct link *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->tap == b->tap &&
	       a->carrier == b->carrier && a->up == b->up && a->queues == b->queues &&
	       a->gso_max == b->gso_max && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

enum host_change host_event(struct host *h, const struct nlmsghdr *nlh, struct link *out)
{
	struct link l, *known;
	bool same;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) || link_parse(nlh, &l) < 0)
		return HOST_SAME;
	known = byifindex_find(h->links, h->n_links, sizeof(l), l.ifindex);
	*out = l;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (!known)
			return HOST_SAME;
		byifindex_remove(h->links, &h->n_links, sizeof(l), known);
		return HOST_GONE;
	}
	if (!known)
		return byifindex_insert(&h->links, &h->n_links, sizeof(l), &l) < 0 ? HOST_SAME : HOST_CHANGED;
	same = link_same(known, &l);
	*known = l;
	return same ? HOST_SAME : HOST_CHANGED;
}

const struct link *host_link(const struct host *h, uint32_t ifindex)
{
	return byifindex_find(h->links, h->n_links, sizeof(*h->links), ifindex);
}

const struct link *host_link_named(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_links; i++)
		if (strcmp(h->links[i].name, name) == 0)
			return &h->links[i];
	return NULL;
}

static int nic_compare(const void *key, const void *nic)
{
	return strcmp(key, ((const struct vmm_nic *)nic)->tap);
}

const struct vmm_nic *host_nic(const struct host *h, const char *tap)
{
	return h->n_nics ? bsearch(tap, h->nics, h->n_nics, sizeof(*h->nics), nic_compare) : NULL;
}
