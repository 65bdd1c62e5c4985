// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include "base/cleanup.h"
#include "tree.h"

#include <stdio.h>
#include <string.h>

struct binder {
	const struct host *host;
	const struct tree *bound;
	const struct link **by_name;
	const struct vmm_nic **by_vm, **by_mac;
};

static int compare_link(const void *a, const void *b)
{
	return strcmp((*(const struct link *const *)a)->name, (*(const struct link *const *)b)->name);
}

static int compare_vm(const void *a, const void *b)
{
	return strcmp((*(const struct vmm_nic *const *)a)->vm, (*(const struct vmm_nic *const *)b)->vm);
}

static int compare_mac(const void *a, const void *b)
{
	return strcmp((*(const struct vmm_nic *const *)a)->mac, (*(const struct vmm_nic *const *)b)->mac);
}

static void binder_free(struct binder *b)
{
	if (!b)
		return;
	free(b->by_name);
	free(b->by_vm);
	free(b->by_mac);
	free(b);
}

void binder_freep(struct binder **b)
{
	binder_free(*b);
}

struct binder *binder_new(const struct host *h, const struct tree *bound)
{
	_cleanup_(binder_freep) struct binder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->host = h;
	b->bound = bound;
	b->by_name = calloc(h->n_links + 1, sizeof(*b->by_name));
	b->by_vm = calloc(h->n_nics + 1, sizeof(*b->by_vm));
	b->by_mac = calloc(h->n_nics + 1, sizeof(*b->by_mac));
	if (!b->by_name || !b->by_vm || !b->by_mac)
		return NULL;
	for (size_t i = 0; i < h->n_links; i++)
		b->by_name[i] = &h->links[i];
	for (size_t i = 0; i < h->n_nics; i++)
		b->by_vm[i] = b->by_mac[i] = &h->nics[i];
	qsort(b->by_name, h->n_links, sizeof(*b->by_name), compare_link);
	qsort(b->by_vm, h->n_nics, sizeof(*b->by_vm), compare_vm);
	qsort(b->by_mac, h->n_nics, sizeof(*b->by_mac), compare_mac);
	return TAKE_PTR(b);
}

static const struct link *link_named(const struct binder *b, const char *name)
{
	struct link key = { 0 };
	const struct link *k = &key, **found;

	snprintf(key.name, sizeof(key.name), "%.*s", (int)sizeof(key.name) - 1, name);
	found = bsearch(&k, b->by_name, b->host->n_links, sizeof(k), compare_link);
	return found ? *found : NULL;
}

static bool is_bound(const struct binder *b, const struct vmm_nic *nic)
{
	const struct link *l = link_named(b, nic->tap);

	return l && tree_vnic(b->bound, l->ifindex);
}

/*
 * The one NIC that a sorted index holds for a key; *several where there are more and none is bound already.
 */
static const struct vmm_nic *only_nic(const struct binder *b, const struct vmm_nic **index,
				      const struct vmm_nic *key, int (*compare)(const void *, const void *),
				      bool *several)
{
	size_t n = b->host->n_nics;
	const struct vmm_nic **found = bsearch(&key, index, n, sizeof(key), compare), **last, **kept = NULL;
	size_t n_kept = 0;

	*several = false;
	if (!found)
		return NULL;
	while (found > index && compare(found - 1, &key) == 0)
		found--;
	for (last = found; last < index + n && compare(last, &key) == 0; last++) {
		if (is_bound(b, *last)) {
			kept = last;
			n_kept++;
		}
	}
	if (last - found > 1 && n_kept == 1)
		return *kept;
	*several = last - found > 1;
	return *found;
}

const char *binding_unschedulable(const struct link *l)
{
	switch (l->kind) {
	case LINK_VETH:
		return NULL;
	case LINK_TUN:
		return l->tap ? NULL : "tun: has no link layer to schedule";
	case LINK_MACVTAP:
		return "macvtap sends through its lower device, past the host's stack";
	case LINK_IFB:
	case LINK_BRIDGE:
	case LINK_OTHER:
		break;
	}
	return "not a virtual NIC (tap or veth)";
}

static void fill_vm(struct binding *out, const struct vmm_nic *nic)
{
	out->pid = nic->pid;
	out->start_time = nic->start_time;
	out->queues = nic->queues ? nic->queues : 1;
	snprintf(out->vmm, sizeof(out->vmm), "%s", nic->vmm);
	snprintf(out->vm, sizeof(out->vm), "%s", nic->vm);
}

static void decide_backpressure(const struct node *device, const struct link *l, const struct vmm_nic *nic,
				struct binding *out)
{
	if (device->backpressure == BACKPRESSURE_OFF)
		snprintf(out->why, sizeof(out->why), "off in the specification");
	else if (l->kind != LINK_TUN)
		snprintf(out->why, sizeof(out->why), "%s has no send buffer on the host's side",
			 l->kind_name);
	else if (!nic)
		snprintf(out->why, sizeof(out->why), "no process of this host was found behind %s", l->name);
	else if (nic->waits == VMM_WAITS_NO || (nic->waits == VMM_WAITS_UNKNOWN &&
						device->backpressure == BACKPRESSURE_AUTO))
		snprintf(out->why, sizeof(out->why), "%s", nic->why);
	else
		out->backpressure = true;
}

void binder_bind(const struct binder *b, const struct node *device, struct binding *out)
{
	const struct vmm_nic *nic = NULL;
	const struct link *l;
	const char *obstacle;
	struct vmm_nic key = { 0 };
	bool several = false;

	*out = (struct binding){ .queues = 1 };
	switch (device->select) {
	case SELECT_NIC:
		snprintf(out->nic, sizeof(out->nic), "%.*s", IFNAMSIZ - 1, device->selector);
		break;
	case SELECT_VM:
		snprintf(key.vm, sizeof(key.vm), "%s", device->selector);
		nic = only_nic(b, b->by_vm, &key, compare_vm, &several);
		break;
	case SELECT_MAC:
		snprintf(key.mac, sizeof(key.mac), "%.17s", device->selector);
		nic = only_nic(b, b->by_mac, &key, compare_mac, &several);
		break;
	}
	if (device->select != SELECT_NIC && (!nic || several)) {
		const char *what = device->select == SELECT_VM ? "VM" : "vNIC with MAC";

		snprintf(out->why, sizeof(out->why),
			 several ? "%s %s has several vNICs: name one by nic:" : "no %s %s on this host",
			 what, device->selector);
		return;
	}
	if (nic)
		snprintf(out->nic, sizeof(out->nic), "%s", nic->tap);
	l = link_named(b, out->nic);
	if (!l) {
		snprintf(out->why, sizeof(out->why), "no interface %s on this host", out->nic);
		return;
	}
	obstacle = binding_unschedulable(l);
	if (obstacle) {
		snprintf(out->why, sizeof(out->why), "%s: %s", out->nic, obstacle);
		return;
	}
	if (l->kind == LINK_TUN && !l->carrier) {
		snprintf(out->why, sizeof(out->why), "%s: no VM has it open", out->nic);
		return;
	}
	if (!nic)
		nic = host_nic(b->host, out->nic);
	if (nic)
		fill_vm(out, nic);
	out->bound = true;
	out->ifindex = l->ifindex;
	decide_backpressure(device, l, nic, out);
}
