// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include "base/cleanup.h"
#include "called.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct binder {
	const struct host *host;
	const uint32_t *bound;
	size_t n_bound;
	const struct link **by_name;
	const struct vmm_nic **by_vm, **by_vmid, **by_mac;
	const struct link **with_altnames; /* few have any */
	size_t n_with_altnames;
};

static int compare_link(const void *a, const void *b)
{
	return strcmp((*(const struct link *const *)a)->name, (*(const struct link *const *)b)->name);
}

/* vNICs of one VM or MAC address are in the order of their taps, whatever the order of the host's list. */
static int compare_tap(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->tap, b->tap);
}

static int compare_vm(const void *a, const void *b)
{
	const struct vmm_nic *x = *(const struct vmm_nic *const *)a, *y = *(const struct vmm_nic *const *)b;
	int r = strcmp(x->vm, y->vm);

	return r ? r : compare_tap(x, y);
}

static int compare_vmid(const void *a, const void *b)
{
	const struct vmm_nic *x = *(const struct vmm_nic *const *)a, *y = *(const struct vmm_nic *const *)b;
	int r = strcmp(x->vmid, y->vmid);

	return r ? r : compare_tap(x, y);
}

static int compare_mac(const void *a, const void *b)
{
	const struct vmm_nic *x = *(const struct vmm_nic *const *)a, *y = *(const struct vmm_nic *const *)b;
	int r = strcmp(x->mac, y->mac);

	return r ? r : compare_tap(x, y);
}

static void binder_free(struct binder *b)
{
	if (!b)
		return;
	free(b->by_name);
	free(b->by_vm);
	free(b->by_vmid);
	free(b->with_altnames);
	free(b->by_mac);
	free(b);
}

void binder_freep(struct binder **b)
{
	binder_free(*b);
}

struct binder *binder_new(const struct host *h, const uint32_t *bound, size_t n)
{
	_cleanup_(binder_freep) struct binder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct binder){ .host = h, .bound = bound, .n_bound = n };
	b->by_name = calloc(h->n_links + 1, sizeof(*b->by_name));
	b->by_vm = calloc(h->n_nics + 1, sizeof(*b->by_vm));
	b->by_vmid = calloc(h->n_nics + 1, sizeof(*b->by_vmid));
	b->with_altnames = calloc(h->n_links + 1, sizeof(*b->with_altnames));
	b->by_mac = calloc(h->n_nics + 1, sizeof(*b->by_mac));
	if (!b->by_name || !b->by_vm || !b->by_vmid || !b->by_mac || !b->with_altnames)
		return NULL;
	for (size_t i = 0; i < h->n_links; i++) {
		b->by_name[i] = &h->links[i];
		if (h->links[i].altnames[0])
			b->with_altnames[b->n_with_altnames++] = &h->links[i];
	}
	for (size_t i = 0; i < h->n_nics; i++)
		b->by_vm[i] = b->by_vmid[i] = b->by_mac[i] = &h->nics[i];
	qsort(b->by_name, h->n_links, sizeof(*b->by_name), compare_link);
	qsort(b->by_vm, h->n_nics, sizeof(*b->by_vm), compare_vm);
	qsort(b->by_vmid, h->n_nics, sizeof(*b->by_vmid), compare_vmid);
	qsort(b->by_mac, h->n_nics, sizeof(*b->by_mac), compare_mac);
	return TAKE_PTR(b);
}

const struct link *binder_link(const struct binder *b, const char *name)
{
	struct link key = { 0 };
	const struct link *k = &key, **found = NULL;

	if (strlen(name) < sizeof(key.name)) {
		strcpy(key.name, name);
		found = bsearch(&k, b->by_name, b->host->n_links, sizeof(k), compare_link);
	}
	for (size_t i = 0; i < b->n_with_altnames && !found; i++)
		if (link_has_altname(b->with_altnames[i], name))
			found = &b->with_altnames[i];
	return found ? *found : NULL;
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool is_bound(const struct binder *b, const struct vmm_nic *nic)
{
	const struct link *l = binder_link(b, nic->tap);

	return l && b->n_bound &&
	       bsearch(&l->ifindex, b->bound, b->n_bound, sizeof(*b->bound), compare_ifindex);
}

/* The first element of a sorted index whose key is that of *key or above; n: there is none. */
static size_t lower_bound(const struct vmm_nic *const *index, size_t n, const struct vmm_nic *key,
			  int (*compare)(const void *, const void *))
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (compare(&index[mid], &key) < 0)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

/* What an index holds for a selector. */
struct found {
	const struct vmm_nic *nic; /* NULL: none; with several: one of them */
	bool several;              /* and not exactly one of them is bound already */
};

/* In an index, sorted by a text at offset of each vNIC, of size bytes. */
static struct found find_in(const struct binder *b, const struct vmm_nic *const *index,
			    int (*compare)(const void *, const void *), size_t offset, size_t size, const char *text)
{
	size_t n = b->host->n_nics, first, end;
	const struct vmm_nic *kept = NULL;
	size_t n_kept = 0;
	struct vmm_nic key = { 0 }; /* its tap is "", which stands before every tap */

	if (strlen(text) >= size)
		return (struct found){ 0 };
	strcpy((char *)&key + offset, text);
	first = lower_bound(index, n, &key, compare);
	for (end = first; end < n; end++) {
		if (strcmp((const char *)index[end] + offset, text) != 0)
			break;
		if (is_bound(b, index[end])) {
			kept = index[end];
			n_kept++;
		}
	}
	if (end - first > 1 && n_kept == 1)
		return (struct found){ .nic = kept };
	return (struct found){ .nic = end > first ? index[first] : NULL, .several = end - first > 1 };
}

/* A VM's number is given by its manager, and goes before a name, which a tenant may choose. */
static struct found find_nic(const struct binder *b, enum selector_kind select, const char *text)
{
#define FIND(index, compare, member)                                                          \
	find_in(b, index, compare, offsetof(struct vmm_nic, member), sizeof(((struct vmm_nic *)0)->member), text)
	struct found f = { 0 };

	if (select == SELECT_MAC)
		return FIND(b->by_mac, compare_mac, mac);
	if (text[0]) /* most VMs have no number */
		f = FIND(b->by_vmid, compare_vmid, vmid);
	return f.nic ? f : FIND(b->by_vm, compare_vm, vm);
#undef FIND
}

/* Kinds that are easily taken for a vNIC. */
static const struct {
	const char *kind, *why;
} no_vnics[] = {
	{ "macvlan", "macvlan sends through its lower device, past the host's stack" },
	{ "ipvlan", "ipvlan sends through its lower device, past the host's stack" },
	{ "ipvtap", "ipvtap sends through its lower device, past the host's stack" },
	{ "netkit", "netkit: its BPF program may send packets past the host's tc" },
	{ "dummy", "dummy: no VM or container is behind it" },
	{ "vlan", "VLAN: its packets are those of the interface that it sits on: name that one" },
};

static const char *why_no_vnic(const struct link *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_vnics); i++)
		if (strcmp(l->kind_name, no_vnics[i].kind) == 0)
			return no_vnics[i].why;
	return NULL;
}

static bool is_vnic(const struct link *l)
{
	return l->kind == LINK_VETH || l->kind == LINK_TUN || l->kind == LINK_MACVTAP;
}

bool binding_is_shown(const struct host *h, const struct link *l)
{
	const struct link *lower;

	if (is_vnic(l))
		return true;
	if (strcmp(l->kind_name, "vlan") != 0)
		return why_no_vnic(l) != NULL;
	/* A VLAN of a port is an uplink. */
	lower = l->lower && l->peer_netns < 0 ? host_link(h, l->lower) : NULL;
	return lower && is_vnic(lower);
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
	return why_no_vnic(l) ? why_no_vnic(l) : "not a virtual NIC (tap or veth)";
}

static void fill_vm(struct binding *out, const struct vmm_nic *nic)
{
	out->pid = nic->pid;
	out->start_time = nic->start_time;
	out->vmm_known = nic->known;
	out->vhost = nic->vhost;
	out->queues = nic->queues ? nic->queues : 1;
	snprintf(out->vmm, sizeof(out->vmm), "%s", nic->vmm);
	snprintf(out->vm, sizeof(out->vm), "%s", nic->vm);
}

static void decide_backpressure(const struct binder *b, const struct node *device, const struct link *l,
				const struct vmm_nic *nic, struct binding *out)
{
	const char *cause = b->host->sight.cause;

	if (device->backpressure == BACKPRESSURE_OFF)
		reason_set(&out->why, REASON_OFF, NULL, NULL, NULL);
	else if (l->kind != LINK_TUN)
		reason_set(&out->why, REASON_NO_SNDBUF, l->kind_name, NULL, NULL);
	else if (!nic && cause)
		reason_set(&out->why, REASON_UNSEEN_PROCESS, l->name, cause, NULL);
	else if (!nic)
		reason_set(&out->why, REASON_NO_PROCESS, l->name, NULL, NULL);
	else if (nic->waits == VMM_WAITS_NO || (nic->waits == VMM_WAITS_UNKNOWN &&
						device->backpressure == BACKPRESSURE_AUTO))
		reason_set(&out->why, REASON_VMM, nic->why, NULL, NULL);
	else
		out->backpressure = true;
}

/* There is no such VM or MAC address, or divvyd may not see it. */
static void say_none(const struct binder *b, const struct node *device, struct reason *why)
{
	const char *cause = b->host->sight.cause;
	bool by_vm = device->select == SELECT_VM;

	if (cause)
		reason_set(why, by_vm ? REASON_UNSEEN_VM : REASON_UNSEEN_MAC, device->selector, cause, NULL);
	else
		reason_set(why, by_vm ? REASON_NO_VM : REASON_NO_MAC, device->selector, NULL, NULL);
}

static void say_several(const struct binder *b, const struct node *device, struct reason *why)
{
	char list[CALLED_TEXT_SIZE];

	if (device->select == SELECT_MAC)
		reason_set(why, REASON_SEVERAL_OF_MAC, device->selector, NULL, NULL);
	else
		reason_set(why, REASON_SEVERAL_OF_VM, device->selector, called_list(b->host, device->selector, list),
			   NULL);
}

/* The vNIC that the selector names. False: there is none, or several; out->why says so. */
static bool select_nic(const struct binder *b, const struct node *device, struct binding *out)
{
	const struct link *l;
	struct found f;

	if (device->select == SELECT_NIC) {
		l = binder_link(b, device->selector); /* perhaps by another name of the interface */
		if (!l)
			reason_set(&out->why, REASON_NO_LINK, device->selector, NULL, NULL);
		snprintf(out->nic, sizeof(out->nic), "%.*s", IFNAMSIZ - 1, l ? l->name : device->selector);
		return l;
	}
	f = find_nic(b, device->select, device->selector);
	if (f.several)
		say_several(b, device, &out->why);
	else if (!f.nic)
		say_none(b, device, &out->why);
	else
		snprintf(out->nic, sizeof(out->nic), "%s", f.nic->tap);
	return f.nic && !f.several;
}

void binder_bind(const struct binder *b, const struct node *device, struct binding *out)
{
	const struct vmm_nic *nic;
	const struct link *l;

	*out = (struct binding){ .queues = 1 };
	if (!select_nic(b, device, out))
		return;
	l = binder_link(b, out->nic);
	if (!l) {
		reason_set(&out->why, REASON_NO_LINK, out->nic, NULL, NULL);
		return;
	}
	if (binding_unschedulable(l)) {
		reason_set(&out->why, REASON_NOT_VNIC, out->nic, binding_unschedulable(l), NULL);
		return;
	}
	if (l->kind == LINK_TUN && !l->carrier) {
		reason_set(&out->why, REASON_NOT_OPEN, out->nic, NULL, NULL);
		return;
	}
	nic = host_nic(b->host, out->nic);
	if (nic)
		fill_vm(out, nic);
	out->bound = true;
	out->ifindex = l->ifindex;
	decide_backpressure(b, device, l, nic, out);
}
