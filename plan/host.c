// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <string.h>

void host_free(struct host *h)
{
	free(h->links);
	free(h->nics);
	free(h->containers);
	*h = (struct host){ 0 };
}

static int compare_link(const void *a, const void *b)
{
	uint32_t x = ((const struct link *)a)->ifindex, y = ((const struct link *)b)->ifindex;

	return (x > y) - (x < y);
}

void host_set_links(struct host *h, struct link *links, size_t n)
{
	if (n)
		qsort(links, n, sizeof(*links), compare_link);
	free(h->links);
	h->links = links;
	h->n_links = n;
	h->n_xdp = 0;
	for (size_t i = 0; i < n; i++)
		h->n_xdp += links[i].xdp != 0;
}

static int compare_nic(const void *a, const void *b)
{
	return strcmp(((const struct vmm_nic *)a)->tap, ((const struct vmm_nic *)b)->tap);
}

static bool nic_same(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->tap, b->tap) == 0 && a->pid == b->pid && a->start_time == b->start_time &&
	       a->known == b->known && strcmp(a->vmm, b->vmm) == 0 && strcmp(a->vm, b->vm) == 0 &&
	       strcmp(a->mac, b->mac) == 0 && strcmp(a->vmid, b->vmid) == 0 && a->queues == b->queues &&
	       a->waits == b->waits && a->vhost == b->vhost;
}

bool host_set_nics(struct host *h, struct vmm_nic *nics, size_t n)
{
	bool differs = n != h->n_nics;

	if (n)
		qsort(nics, n, sizeof(*nics), compare_nic);
	for (size_t i = 0; i < n && !differs; i++)
		differs = !nic_same(&nics[i], &h->nics[i]);
	free(h->nics);
	h->nics = nics;
	h->n_nics = n;
	return differs;
}

static int compare_container(const void *a, const void *b)
{
	const struct host_container *x = a, *y = b;

	if (x->nsid != y->nsid)
		return x->nsid < y->nsid ? -1 : 1;
	return strcmp(x->selector, y->selector);
}

bool host_set_containers(struct host *h, struct host_container *list, size_t n)
{
	bool differs = n != h->n_containers;

	if (n)
		qsort(list, n, sizeof(*list), compare_container);
	for (size_t i = 0; i < n && !differs; i++)
		differs = compare_container(&list[i], &h->containers[i]) != 0;
	free(h->containers);
	h->containers = list;
	h->n_containers = n;
	return differs;
}

static bool link_same(const struct link *a, const struct link *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->tap == b->tap &&
	       a->carrier == b->carrier && a->attached == b->attached && a->master == b->master && a->up == b->up && a->queues == b->queues &&
	       a->peer_netns == b->peer_netns && a->gso_max == b->gso_max && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       memcmp(a->altnames, b->altnames, sizeof(a->altnames)) == 0;
}

enum host_change host_put_link(struct host *h, const struct link *l)
{
	struct link *known = byifindex_find(h->links, h->n_links, sizeof(*l), l->ifindex), now = *l;
	bool same;

	if (!known) {
		if (byifindex_insert(&h->links, &h->n_links, sizeof(*l), l) < 0)
			return HOST_SAME;
		h->n_xdp += l->xdp != 0;
		return HOST_CHANGED;
	}
	/* Queues come and go as the guest likes; only more than ever may be others of the VMM's. */
	if (now.queues < known->queues)
		now.queues = known->queues;
	same = link_same(known, &now);
	h->n_xdp -= known->xdp != 0;
	*known = now;
	h->n_xdp += known->xdp != 0;
	return same ? HOST_SAME : HOST_CHANGED;
}

enum host_change host_drop_link(struct host *h, uint32_t ifindex)
{
	struct link *known = byifindex_find(h->links, h->n_links, sizeof(*known), ifindex);

	if (!known)
		return HOST_SAME;
	h->n_xdp -= known->xdp != 0;
	byifindex_remove(h->links, &h->n_links, sizeof(*known), known);
	return HOST_GONE;
}

const struct link *host_link(const struct host *h, uint32_t ifindex)
{
	return byifindex_find(h->links, h->n_links, sizeof(*h->links), ifindex);
}

static int compare_tap(const void *key, const void *nic)
{
	return strcmp(key, ((const struct vmm_nic *)nic)->tap);
}

const struct vmm_nic *host_nic(const struct host *h, const char *tap)
{
	return h->n_nics ? bsearch(tap, h->nics, h->n_nics, sizeof(*h->nics), compare_tap) : NULL;
}

static int compare_name(const void *a, const void *b)
{
	return strcmp((*(const struct link *const *)a)->name, (*(const struct link *const *)b)->name);
}

const struct link **host_by_name(const struct host *h)
{
	const struct link **list = calloc(h->n_links + 1, sizeof(*list));

	for (size_t i = 0; list && i < h->n_links; i++)
		list[i] = &h->links[i];
	if (list && h->n_links)
		qsort(list, h->n_links, sizeof(*list), compare_name);
	return list;
}

const struct link *host_called(const struct host *h, const struct link *const *by_name, const char *name)
{
	struct link key = { 0 };
	const struct link *k = &key;
	const struct link *const *found;

	if (strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	found = h->n_links ? bsearch(&k, by_name, h->n_links, sizeof(k), compare_name) : NULL;
	return found ? *found : NULL;
}
