// SPDX-License-Identifier: GPL-2.0-or-later
#include "idle.h"

uint64_t idle_used(struct slot_vm *vm)
{
	struct slot_run *r = &vm->run;
	uint64_t ns, used;

	if (r->lost)
		return 0;
	if (cputime_read(&vm->clock, &ns) < 0) {
		r->lost = true;
		return 0;
	}
	used = ns > r->clock_ns ? ns - r->clock_ns : 0;
	r->clock_ns = r->look_ns = ns;
	return used;
}

static bool works(const struct idle *i, uint64_t used_ns)
{
	return used_ns * 1000 >= i->slot_ns * IDLE_PERMILLE;
}

/* The VM had the slot that ends. */
static void account_turn(struct idle *i, struct slot_vm *vm, bool short_slot, uint64_t now)
{
	struct slot_run *r = &vm->run;
	uint64_t used = idle_used(vm);

	if (works(i, used))
		r->streak = 0;
	else if (!short_slot)
		r->streak++;
	r->idle = !i->pauses_idle && !r->lost && (r->blocked || r->streak >= STREAK_SLOTS);
	if (r->idle)
		r->streak = 0;
	r->boosted = r->blocked = false;
	rounds_report(i->rounds, vm->id, used, !r->idle && !r->lost, now);
}

bool idle_wake(struct idle *i, struct slot_vm *vm, uint64_t now)
{
	vm->run.idle = false;
	vm->run.streak = 0;
	return rounds_wake(i->rounds, vm->id, now) > 0;
}

/*
 * The VM ran outside turns. It wakes up if works_on, or by what it has used. Returns as idle_wake(); false
 * for a VM that stays idle.
 */
static bool account_idle(struct idle *i, struct slot_vm *vm, bool works_on, uint64_t now)
{
	struct slot_run *r = &vm->run;
	uint64_t used = idle_used(vm);
	bool beyond = used && rounds_report(i->rounds, vm->id, used, false, now) > 0;

	r->streak = works(i, used) ? r->streak + 1 : 0;
	return r->idle && (beyond || works_on || r->streak >= STREAK_SLOTS) && idle_wake(i, vm, now);
}

void idle_account(struct idle *i, bool short_slot, uint64_t now)
{
	const struct slot_table *t = i->table;

	for (uint32_t k = 0; k < t->n_turn; k++)
		account_turn(i, t->vm[t->turn[k]], short_slot, now);
	for (uint32_t k = 0; k < t->n_idle; k++)
		account_idle(i, t->vm[t->idle[k]], false, now);
}

/* CPU time since the latest look, nanoseconds. The first look of a slot counts from the slot's start. */
static uint64_t look(struct slot_vm *vm)
{
	struct slot_run *r = &vm->run;
	uint64_t ns, latest;

	if (r->lost || cputime_read(&vm->clock, &ns) < 0)
		return 0;
	latest = ns > r->look_ns ? ns - r->look_ns : 0;
	r->look_ns = ns;
	return latest;
}

/* The VM has worked in this slot, and still does. */
static bool works_on(const struct idle *i, struct slot_vm *vm)
{
	struct slot_run *r = &vm->run;

	return look(vm) >= WATCH_NS / 2 && r->look_ns > r->clock_ns && works(i, r->look_ns - r->clock_ns);
}

/*
 * Whether a VM is boosted and has done what it woke up for: it has used nothing for longer than its clock may
 * be behind.
 */
static bool has_blocked(const struct idle *i, struct slot_vm *vm, uint64_t now)
{
	struct slot_run *r = &vm->run;

	if (!r->boosted)
		return false;
	if (look(vm) * 1000 >= WATCH_NS * IDLE_PERMILLE)
		r->busy_ns = now;
	r->blocked = now - r->busy_ns > i->tick_ns + WATCH_NS;
	return r->blocked;
}

/* True if the slot must end for this idle VM. */
static bool watch_idle(struct idle *i, struct slot_vm *vm, uint64_t now)
{
	if (!vm->run.idle || !works_on(i, vm))
		return false;
	if (account_idle(i, vm, true, now)) {
		vm->run.boosted = true;
		vm->run.busy_ns = now;
		return true;
	}
	turn_pause(i->turns, vm, now);
	return false;
}

bool idle_watch(struct idle *i, uint64_t now)
{
	const struct slot_table *t = i->table;
	bool ends = false;

	for (uint32_t k = 0; k < t->n_turn; k++)
		ends |= has_blocked(i, t->vm[t->turn[k]], now);
	for (uint32_t k = 0; k < t->n_idle; k++)
		ends |= watch_idle(i, t->vm[t->idle[k]], now);
	return ends;
}

uint64_t idle_interval(const struct idle *i)
{
	const struct slot_table *t = i->table;
	uint64_t n = t->n_idle;

	if (!i->preempts)
		return 0;
	for (uint32_t k = 0; k < t->n_turn; k++)
		n += t->vm[t->turn[k]]->run.boosted;
	return WATCH_NS * ((n + WATCH_VMS - 1) / WATCH_VMS);
}
