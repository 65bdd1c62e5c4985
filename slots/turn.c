// SPDX-License-Identifier: GPL-2.0-or-later
#include "turn.h"

#include <errno.h>
#include <stdlib.h>

int turns_init(struct turns *t, struct guard *guard)
{
	struct slots_turn *ring = calloc(SLOTS_TURNS, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	*t = (struct turns){ .guard = guard, .ring = ring };
	return 0;
}

void turns_free(struct turns *t)
{
	free(t->ring);
	t->ring = NULL;
}

static void record(struct turns *t, const struct slot_vm *vm, uint64_t now)
{
	t->ring[t->n++ % SLOTS_TURNS] = (struct slots_turn){ .start_ns = vm->run.since_ns,
							     .end_ns = now,
							     .used_ns = vm->run.clock_ns - vm->run.turn_ns,
							     .pid = vm->want.pid };
}

void turn_pause(struct turns *t, struct slot_vm *vm, uint64_t now)
{
	struct slot_run *r = &vm->run;

	if (r->paused || r->lost)
		return;
	guard_set(t->guard, vm->guard_slot, true);
	if (gate_pause(&vm->gate) < 0) {
		guard_set(t->guard, vm->guard_slot, false);
		r->lost = true;
		return;
	}
	record(t, vm, now);
	r->turn_ns = r->clock_ns;
	r->paused = true;
	r->since_ns = now;
	r->pauses++;
}

void turn_run(struct turns *t, struct slot_vm *vm, uint64_t now)
{
	struct slot_run *r = &vm->run;
	uint64_t pause = now - r->since_ns;
	int err;

	if (!r->paused)
		return;
	err = gate_run(&vm->gate);
	if (err < 0 && err != -ENODEV) {
		r->thaw_error = err;
		return;
	}
	r->thaw_error = 0;
	if (err < 0)
		r->lost = true; /* the guard's table goes on saying "paused": nothing is known of the VM */
	else
		guard_set(t->guard, vm->guard_slot, false);
	r->paused = false;
	if (pause > r->longest_pause_ns)
		r->longest_pause_ns = pause;
	r->since_ns = now;
}

void turn_pause_again(struct slot_vm *vm)
{
	if (vm->run.paused && gate_pause(&vm->gate) < 0)
		vm->run.lost = true;
}

size_t turns_since(const struct turns *t, uint64_t since_ns, struct slots_turn *out)
{
	uint64_t oldest = t->n > SLOTS_TURNS ? t->n - SLOTS_TURNS : 0, first = t->n;
	size_t kept = 0;

	/* A turn that began since then also ended since then, and the ring is in the order of ends. */
	while (first > oldest && t->ring[(first - 1) % SLOTS_TURNS].end_ns >= since_ns)
		first--;
	for (; first < t->n; first++)
		if (t->ring[first % SLOTS_TURNS].start_ns >= since_ns)
			out[kept++] = t->ring[first % SLOTS_TURNS];
	return kept;
}
