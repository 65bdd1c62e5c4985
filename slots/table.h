/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which VMs take part, by their id in rounds, and which of them are let run: in a turn, or idle. */

#include "vm.h"

#include "core/slots/rounds_config.h"

struct slot_table {
	struct slot_vm **vm; /* by id; NULL: no VM has it. The array is owned, the VMs are borrowed */
	uint32_t n_vm;       /* ids below it have been in use */
	uint32_t turn[ROUNDS_LANES_MAX]; /* ids of the VMs that have the slot under way */
	uint32_t n_turn;
	uint32_t *idle; /* ids of the VMs that run outside turns; room for n_vm; owned. None is in turn[] */
	uint32_t n_idle;
};

/* A zeroed table is empty. */
void table_free(struct slot_table *t);
/*
 * vm->id is the lowest free id, as rounds_add() gives it. The VM is borrowed until table_remove(). 0;
 * -ENOMEM: the table is as it was.
 */
int table_add(struct slot_table *t, struct slot_vm *vm);
void table_remove(struct slot_table *t, const struct slot_vm *vm);
/* Whether the slot under way is this VM's. O(lanes). */
bool table_has_turn(const struct slot_table *t, uint32_t id);
