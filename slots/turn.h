/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Pause a VM, or let it run; and remember the turns that end so.
 *
 * The promise to the guard: its table says "paused" of a VM before the VM is paused, and until the VM runs
 * again. So the guard, which lets run what its table calls paused, never overlooks a VM.
 */

#include "vm.h"

struct turns {
	struct guard *guard;     /* borrowed */
	struct slots_turn *ring; /* SLOTS_TURNS of them; owned */
	uint64_t n;              /* turns that ended since turns_init() */
};

/* 0 or -ENOMEM. guard is borrowed until turns_free(). */
int turns_init(struct turns *t, struct guard *guard);
void turns_free(struct turns *t);

/*
 * now: CLOCK_MONOTONIC, nanoseconds; never less than in an earlier call.
 * A VM whose cgroup has vanished becomes lost, and is taken to run. A VM whose gate cannot be opened for
 * another reason stays paused, and the guard's table says so: run.thaw_error has the reason until it runs.
 */

/* Close the gate. The VM's turn ends. Nothing happens to a VM that is paused or lost. */
void turn_pause(struct turns *t, struct slot_vm *vm, uint64_t now);
/* Open the gate. The VM's turn begins. Nothing happens to a VM that is not paused. */
void turn_run(struct turns *t, struct slot_vm *vm, uint64_t now);
/* Close the gate of a paused VM again: the guard may have opened it. Nothing happens to other VMs. */
void turn_pause_again(struct slot_vm *vm);

/*
 * The turns that ended and that began at or after since_ns, oldest first by their end. out: room for
 * SLOTS_TURNS. Returns how many. O(turns that ended at or after since_ns).
 */
size_t turns_since(const struct turns *t, uint64_t since_ns, struct slots_turn *out);
