// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers.h"

#include "base/cleanup.h"
#include "kernel/proc/procfs.h"

#include <string.h>

void workers_free(struct workers *w)
{
	free(w->list);
	*w = (struct workers){ 0 };
}

int workers_look(struct workers *w, struct slot_vm *const *vms, size_t n)
{
	struct workers now = { 0 };
	bool asked = false;
	int err = 0;

	for (size_t i = 0; i < n; i++)
		asked |= vms[i]->want.vhost;
	if (asked)
		err = vhost_kthreads(PROCFS_ROOT, &now.list, &now.n);
	if (err < 0)
		return err;
	workers_free(w);
	*w = now;
	return 0;
}

/* Whether the VM's gate holds the worker, too. */
static bool is_held(const struct cgroup_host *h, const struct slot_vm *vm, pid_t worker)
{
	char dir[CGROUP_PATH_SIZE];

	return vm->gate.ops->kind == GATE_QUOTA && cgroup_of(h, vm->place.tree, worker, dir) == 0 &&
	       strcmp(dir, vm->place.dir) == 0;
}

/* The first of an owner; w->n: there is none. */
static size_t first_of(const struct workers *w, pid_t owner)
{
	size_t lo = 0, hi = w->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->list[mid].owner < owner)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t workers_of(const struct workers *w, const struct cgroup_host *h, const struct slot_vm *vm,
		    uint64_t *used_ns)
{
	uint32_t n = 0;

	*used_ns = 0;
	if (!slot_vm_is_open(vm))
		return 0;
	for (size_t i = first_of(w, vm->want.pid); i < w->n && w->list[i].owner == vm->want.pid; i++) {
		uint64_t ns;

		if (is_held(h, vm, w->list[i].pid) || vhost_kthread_cpu(PROCFS_ROOT, &w->list[i], &ns) < 0)
			continue;
		n++;
		*used_ns += ns;
	}
	return n;
}
