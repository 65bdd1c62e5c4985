/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Kernel threads that go on sending for a VM of the CPU slots while it is paused: vhost's workers before Linux 6.4
 * (kernel/vmm/vhost.h). The freezer passes by every kernel thread; a quota holds those that are in the VM's cgroup.
 */

#include "kernel/vmm/vhost.h"
#include "vm.h"

/* Zeroed: none are known. */
struct workers {
	struct vhost_kthread *list; /* sorted by owner; owned */
	size_t n;
};

void workers_free(struct workers *w);
/*
 * Look which there are, if one of these VMs has vhost: O(processes). 0; or negative errno, and what was known
 * stays.
 */
int workers_look(struct workers *w, struct slot_vm *const *vms, size_t n);
/*
 * Those that go on for this VM, which takes part: returns how many, and the CPU time that they have used since they
 * were made, nanoseconds. O(log n), and a look into /proc for each.
 */
uint32_t workers_of(const struct workers *w, const struct cgroup_host *h, const struct slot_vm *vm,
		    uint64_t *used_ns);
