/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which VMs of the slots are idle, judged by the CPU time that they use: slotthread.h says what follows from
 * it. All of it is called by the slot thread, under its lock.
 */

#include "thread.h"

/*
 * CPU time that a VM used since the latest call, nanoseconds; one whose cgroup is gone is lost, and used 0.
 */
uint64_t slot_idle_used(struct cpu_vm *vm);
/* It is idle no more. True: the policy would end the slot for it. */
bool slot_idle_wake(struct slot_thread *t, struct cpu_vm *vm, uint64_t now);
/* A slot ends: charges every VM that was let run, and finds who went idle and who woke up. O(these). */
void slot_idle_account(struct slot_thread *t, uint64_t now);
/* In the middle of a slot. True: it ends, for an idle VM that works again, or with the work of such a one. */
bool slot_idle_watch(struct slot_thread *t, uint64_t now);
/* How often to do that, nanoseconds; 0: never. */
uint64_t slot_idle_interval(const struct slot_thread *t);
