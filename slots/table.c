// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include "base/array.h"

#include <errno.h>

void table_free(struct slot_table *t)
{
	free(t->vm);
	free(t->idle);
	*t = (struct slot_table){ 0 };
}

int table_add(struct slot_table *t, struct slot_vm *vm)
{
	if (vm->id == t->n_vm) {
		if (array_reserve(&t->idle, t->n_vm, sizeof(*t->idle)) < 0 ||
		    array_reserve(&t->vm, t->n_vm, sizeof(*t->vm)) < 0)
			return -ENOMEM;
		t->n_vm++;
	}
	t->vm[vm->id] = vm;
	return 0;
}

static uint32_t drop(uint32_t *ids, uint32_t n, uint32_t id)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (ids[i] != id)
			ids[kept++] = ids[i];
	return kept;
}

void table_remove(struct slot_table *t, const struct slot_vm *vm)
{
	t->n_turn = drop(t->turn, t->n_turn, vm->id);
	t->n_idle = drop(t->idle, t->n_idle, vm->id);
	t->vm[vm->id] = NULL;
}

bool table_has_turn(const struct slot_table *t, uint32_t id)
{
	for (uint32_t i = 0; i < t->n_turn; i++)
		if (t->turn[i] == id)
			return true;
	return false;
}
