// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

/* Kinds that are easily taken for a vNIC. */
static const struct {
	const char *kind, *why;
} no_vnics[] = {
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

bool binding_is_lower(const struct link *l)
{
	return l->kind == LINK_MACVTAP || strcmp(l->kind_name, "macvlan") == 0;
}

static bool is_vnic(const struct link *l)
{
	return l->kind == LINK_VETH || l->kind == LINK_TUN || binding_is_lower(l);
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
		return NULL;
	case LINK_IFB:
	case LINK_BRIDGE:
	case LINK_OTHER:
		break;
	}
	if (binding_is_lower(l))
		return NULL;
	return why_no_vnic(l) ? why_no_vnic(l) : "not a virtual NIC (tap, veth or macvtap)";
}

bool binding_is_live(const struct link *l)
{
	return l->kind != LINK_TUN || l->carrier || l->attached;
}

enum reason_code binding_idle(const struct link *l, const struct vmm_nic *open)
{
	if (l->carrier)
		return REASON_NONE;
	if (l->kind == LINK_TUN && !l->attached && !open)
		return REASON_NOT_OPEN;
	return l->up ? REASON_NO_CARRIER : REASON_DOWN;
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

static void decide_backpressure(const struct node *device, const struct link *l, const struct vmm_nic *nic,
				const char *unseen, struct binding *out)
{
	if (device->backpressure == BACKPRESSURE_OFF)
		reason_set(&out->why, REASON_OFF, NULL, NULL, NULL);
	else if (out->lower)
		reason_set(&out->why, REASON_LOWER, l->kind_name, NULL, NULL);
	else if (l->kind != LINK_TUN)
		reason_set(&out->why, REASON_NO_SNDBUF, l->kind_name, NULL, NULL);
	else if (!nic && unseen)
		reason_set(&out->why, REASON_UNSEEN_PROCESS, l->name, unseen, NULL);
	else if (!nic)
		reason_set(&out->why, REASON_NO_PROCESS, l->name, NULL, NULL);
	else if (nic->waits == VMM_WAITS_NO || (nic->waits == VMM_WAITS_UNKNOWN &&
						device->backpressure == BACKPRESSURE_AUTO))
		reason_set(&out->why, REASON_VMM, nic->why, NULL, NULL);
	else
		out->backpressure = true;
}

void bind_vnic(const struct node *device, const char *nic, const struct link *l, const struct vmm_nic *open,
	       const char *unseen, struct binding *out)
{
	enum reason_code idle;

	*out = (struct binding){ .queues = 1 };
	snprintf(out->nic, sizeof(out->nic), "%s", nic);
	if (!l) {
		reason_set(&out->why, REASON_NO_LINK, out->nic, NULL, NULL);
		return;
	}
	if (binding_unschedulable(l)) {
		reason_set(&out->why, REASON_NOT_VNIC, out->nic, binding_unschedulable(l), NULL);
		return;
	}
	idle = binding_idle(l, open);
	if (l->kind == LINK_TUN && idle != REASON_NONE) {
		reason_set(&out->why, idle, out->nic, NULL, NULL);
		return;
	}
	if (open)
		fill_vm(out, open);
	out->bound = true;
	out->ifindex = l->ifindex;
	out->lower = binding_is_lower(l);
	decide_backpressure(device, l, open, unseen, out);
}
