// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include <stdio.h>

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
	out->vmm_known = nic->known;
	out->vhost = nic->vhost;
	out->queues = nic->queues ? nic->queues : 1;
	snprintf(out->vmm, sizeof(out->vmm), "%s", nic->vmm);
	snprintf(out->vm, sizeof(out->vm), "%s", nic->vm);
}

static void decide_backpressure(const struct node *device, const struct link *l, const struct vmm_nic *nic,
				struct binding *out)
{
	if (device->backpressure == BACKPRESSURE_OFF)
		reason_set(&out->why, REASON_OFF, NULL, NULL, NULL);
	else if (l->kind != LINK_TUN)
		reason_set(&out->why, REASON_NO_SNDBUF, l->kind_name, NULL, NULL);
	else if (!nic)
		reason_set(&out->why, REASON_NO_PROCESS, l->name, NULL, NULL);
	else if (nic->waits == VMM_WAITS_NO || (nic->waits == VMM_WAITS_UNKNOWN &&
						device->backpressure == BACKPRESSURE_AUTO))
		reason_set(&out->why, REASON_VMM, nic->why, NULL, NULL);
	else
		out->backpressure = true;
}

void bind_vnic(const struct node *device, const char *nic, const struct link *l, const struct vmm_nic *open,
	       struct binding *out)
{
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
	if (l->kind == LINK_TUN && !l->carrier) {
		reason_set(&out->why, REASON_NOT_OPEN, out->nic, NULL, NULL);
		return;
	}
	if (open)
		fill_vm(out, open);
	out->bound = true;
	out->ifindex = l->ifindex;
	decide_backpressure(device, l, open, out);
}
