/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* From a model and its bindings to the VMs that are to take part in the CPU slots. Pure. */

#include "core/model.h"
#include "plan/bind.h"

/* A VM that is to take part. */
struct member {
	pid_t pid;
	uint64_t start_time;      /* of the process, clock ticks since boot; with pid it names the VM */
	struct part part;         /* of the CPU's time */
	bool vhost;               /* vhost may send for one of its NICs */
	char name[VMM_NAME_SIZE]; /* the VM's; where the VM has none that of its device, the first by name */
};

/*
 * The VMs behind the bound devices, sorted by pid; *list is the caller's to free. A VM with several devices
 * is one member, with the sum of their parts (at most the whole CPU). A device's part is what core/entitle.h
 * gives it of its uplink while all devices in the slots are busy. A process that is no known VMM (a VPN's
 * daemon; libvirt while it starts a VM) is left out: divvy does not pause it. bindings: one for each node of
 * the model. 0; -ENOMEM: *list and *n are untouched.
 */
int members_find(const struct model *m, const struct binding *bindings, struct member **list, size_t *n);
