// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "kernel/proc/privilege.h"

#include <assert.h>

static_assert(SLOTS_WHY_SIZE >= PLACE_WHY_SIZE, "place.h and gate.h write into it");

struct slot_vm *slot_vm_new(const struct member *want)
{
	struct slot_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->want = *want;
	vm->guard_slot = -1;
	vm->clock.fd = -1;
	return vm;
}

static int open_files(struct slot_vm *vm, const struct cgroup_host *h, const struct gate_ops *ops,
		      struct guard *g, char why[SLOTS_WHY_SIZE])
{
	const struct process process = { .pid = vm->want.pid, .start_time = vm->want.start_time };
	int err = place_find(h, ops->tree(h), &process, vm->want.name, ops->controller, &vm->place, why);

	if (err >= 0)
		err = place_enter(h, &vm->place, ops->controller, why);
	if (err >= 0)
		err = gate_open(&vm->gate, ops, &vm->place, why);
	if (err >= 0)
		err = cputime_open(&vm->clock, h, &vm->place);
	if (err >= 0)
		err = vm->guard_slot = guard_add(g, &vm->gate.undo);
	return err < 0 ? err : 0;
}

int slot_vm_open(struct slot_vm *vm, const struct cgroup_host *h, const struct gate_ops *ops, struct guard *g,
		 char why[SLOTS_WHY_SIZE])
{
	int err;

	vm->run = (struct slot_run){ 0 };
	privilege_reserve(true);
	err = open_files(vm, h, ops, g, why);
	privilege_reserve(false);
	if (err < 0)
		(void)slot_vm_close(vm, g);
	return err;
}

bool slot_vm_is_open(const struct slot_vm *vm)
{
	return vm->gate.ops != NULL;
}

int slot_vm_close(struct slot_vm *vm, struct guard *g)
{
	int err;

	privilege_reserve(true);
	err = gate_close(&vm->gate);
	/* In a cgroup of divvy's there is another way: moved out of it, the VM runs. */
	if (err < 0 && vm->place.made && place_leave(&vm->place) >= 0)
		err = gate_close(&vm->gate);
	if (err < 0) {
		/* The guard must try, too, should divvyd end before it has succeeded. */
		if (vm->guard_slot >= 0)
			guard_set(g, vm->guard_slot, true);
		privilege_reserve(false);
		return err;
	}
	if (vm->guard_slot >= 0)
		guard_remove(g, vm->guard_slot);
	cputime_close(&vm->clock);
	if (place_leave(&vm->place) < 0)
		log_warning("process %d could not be moved back to %s", vm->want.pid, vm->place.home);
	privilege_reserve(false);
	vm->gate = (struct gate){ 0 };
	vm->place = (struct place){ 0 };
	vm->clock = (struct cputime){ .fd = -1 };
	vm->guard_slot = -1;
	return 0;
}

void slot_vm_abandon(struct slot_vm *vm)
{
	gate_abandon(&vm->gate);
	cputime_close(&vm->clock);
}
