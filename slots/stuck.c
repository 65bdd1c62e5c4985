// SPDX-License-Identifier: GPL-2.0-or-later
#include "stuck.h"

#include "base/array.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

void stuck_end(struct stuck *s, struct slot_vm *vm, struct guard *g)
{
	int err = slot_vm_close(vm, g);

	if (err < 0 && array_reserve(&s->list, s->n, sizeof(*s->list)) >= 0) {
		log_error("CPU slots: VM %s left, but process %d cannot be let run (%s): tried again every "
			  "second",
			  vm->want.name, vm->want.pid, strerror(-err));
		s->list[s->n++] = vm;
		return;
	}
	if (err < 0)
		slot_vm_abandon(vm);
	free(vm);
}

static void drop(struct stuck *s, size_t i)
{
	s->list[i] = s->list[--s->n];
}

void stuck_retry(struct stuck *s, struct guard *g)
{
	for (size_t i = s->n; i-- > 0;) {
		struct slot_vm *vm = s->list[i];

		if (slot_vm_close(vm, g) < 0)
			continue;
		log_notice("CPU slots: VM %s: process %d runs again", vm->want.name, vm->want.pid);
		drop(s, i);
		free(vm);
	}
}

struct slot_vm *stuck_find(const struct stuck *s, const struct member *want)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->want.pid == want->pid && s->list[i]->want.start_time == want->start_time)
			return s->list[i];
	return NULL;
}

void stuck_take(struct stuck *s, const struct slot_vm *vm)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i] == vm) {
			drop(s, i);
			return;
		}
}

void stuck_free(struct stuck *s, struct guard *g)
{
	stuck_retry(s, g);
	for (size_t i = 0; i < s->n; i++) {
		log_error("CPU slots: VM %s: process %d still cannot be let run: divvy-guard goes on trying",
			  s->list[i]->want.name, s->list[i]->want.pid);
		slot_vm_abandon(s->list[i]);
		free(s->list[i]);
	}
	free(s->list);
	*s = (struct stuck){ 0 };
}
