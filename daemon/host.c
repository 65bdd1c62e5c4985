// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include "core/cleanup.h"

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

/* Index of the first link whose ifindex is not below the given one. */
static size_t lower_bound(const struct host *h, uint32_t ifindex)
{
	size_t lo = 0, hi = h->n_links;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->links[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool link_same(const struct link *a, const struct link *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->tap == b->tap &&
	       a->carrier == b->carrier && a->up == b->up && a->queues == b->queues &&
	       a->gso_max == b->gso_max && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

enum host_change host_event(struct host *h, const struct nlmsghdr *nlh, struct link *out)
{
	struct link l, *bigger;
	size_t at;
	bool same;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) || link_parse(nlh, &l) < 0)
		return HOST_SAME;
	at = lower_bound(h, l.ifindex);
	*out = l;
	if (at < h->n_links && h->links[at].ifindex == l.ifindex) {
		if (nlh->nlmsg_type == RTM_DELLINK) {
			memmove(&h->links[at], &h->links[at + 1], (h->n_links - at - 1) * sizeof(l));
			h->n_links--;
			return HOST_GONE;
		}
		same = link_same(&h->links[at], &l);
		h->links[at] = l;
		return same ? HOST_SAME : HOST_CHANGED;
	}
	if (nlh->nlmsg_type == RTM_DELLINK)
		return HOST_SAME;
	bigger = reallocarray(h->links, h->n_links + 1, sizeof(l));
	if (!bigger)
		return HOST_SAME;
	h->links = bigger;
	memmove(&h->links[at + 1], &h->links[at], (h->n_links - at) * sizeof(l));
	h->links[at] = l;
	h->n_links++;
	return HOST_CHANGED;
}

const struct link *host_link(const struct host *h, uint32_t ifindex)
{
	size_t at = lower_bound(h, ifindex);

	return at < h->n_links && h->links[at].ifindex == ifindex ? &h->links[at] : NULL;
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
