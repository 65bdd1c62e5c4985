// SPDX-License-Identifier: GPL-2.0-or-later
#include "idle.h"

/* Below this part of a slot a VM counts as idle: its timer ticks and the like, not work. */
#define IDLE_PERMILLE 50
/*
 * So many slots in a row change what a VM is taken for: on a crowded host one that wants to run may not get a
 * CPU for one of its slots, and the burst of an idle one (an answer to a ping) is over before it had a slot.
 */
#define STREAK_SLOTS 3
/*
 * So often idle VMs are looked at where one that wakes up may end a slot (Xen's scheduler, too, lets a VM run
 * for 1 ms at least), and no more of them in that time than this: a look costs 2 us.
 */
#define WATCH_NS 1000000ULL
#define WATCH_VMS 16

uint64_t slot_idle_used(struct cpu_vm *vm)
{
	uint64_t ns, used;

	if (vm->lost)
		return 0;
	if (cputime_read(&vm->clock, &ns) < 0) {
		vm->lost = true;
		return 0;
	}
	used = ns > vm->clock_ns ? ns - vm->clock_ns : 0;
	vm->clock_ns = vm->look_ns = ns;
	return used;
}

static bool works(const struct slot_thread *t, uint64_t used_ns)
{
	return used_ns * 1000 >= t->slot_ns * IDLE_PERMILLE;
}

/* The slot that ends: what each VM of it used, and whether it is idle. */
static void account_running(struct slot_thread *t, uint64_t now)
{
	for (uint32_t i = 0; i < t->n_running; i++) {
		struct cpu_vm *vm = t->vm[t->running[i]];
		uint64_t used = slot_idle_used(vm);

		/* A short slot says nothing: one that began late, or that ended early. */
		if (works(t, used))
			vm->streak = 0;
		else if (!t->slot_short)
			vm->streak++;
		vm->idle = !t->pauses_idle && !vm->lost && (vm->blocked || vm->streak >= STREAK_SLOTS);
		if (vm->idle)
			vm->streak = 0;
		vm->boosted = vm->blocked = false;
		rounds_report(t->rounds, vm->id, used, !vm->idle && !vm->lost, now);
	}
}

bool slot_idle_wake(struct slot_thread *t, struct cpu_vm *vm, uint64_t now)
{
	vm->idle = false;
	vm->streak = 0;
	return rounds_wake(t->rounds, vm->id, now) > 0;
}

/*
 * An idle VM runs outside its turn; one that works again, or beyond its share, has to wait for it. Returns as
 * slot_idle_wake().
 */
static bool account_idle(struct slot_thread *t, struct cpu_vm *vm, bool works_on, uint64_t now)
{
	uint64_t used = slot_idle_used(vm);
	bool beyond = used && rounds_report(t->rounds, vm->id, used, false, now) > 0;

	vm->streak = works(t, used) ? vm->streak + 1 : 0;
	return vm->idle && (beyond || works_on || vm->streak >= STREAK_SLOTS) && slot_idle_wake(t, vm, now);
}

void slot_idle_account(struct slot_thread *t, uint64_t now)
{
	account_running(t, now);
	for (uint32_t i = 0; i < t->n_idle; i++)
		account_idle(t, t->vm[t->idle[i]], false, now);
}

/* CPU time since the latest look, which is from this slot. */
static uint64_t look(struct cpu_vm *vm)
{
	uint64_t ns, latest;

	if (vm->lost || cputime_read(&vm->clock, &ns) < 0)
		return 0;
	latest = ns > vm->look_ns ? ns - vm->look_ns : 0;
	vm->look_ns = ns;
	return latest;
}

/* It has worked in this slot, and still does. */
static bool works_on(const struct slot_thread *t, struct cpu_vm *vm)
{
	return look(vm) >= WATCH_NS / 2 && vm->look_ns > vm->clock_ns && works(t, vm->look_ns - vm->clock_ns);
}

/*
 * The slot was ended for it, and what it woke up for is done: it has used nothing for longer than the kernel
 * takes to account for what runs.
 */
static bool done(const struct slot_thread *t, struct cpu_vm *vm, uint64_t now)
{
	if (!vm->boosted)
		return false;
	if (look(vm) * 1000 >= WATCH_NS * IDLE_PERMILLE)
		vm->busy_ns = now;
	vm->blocked = now - vm->busy_ns > t->tick_ns + WATCH_NS;
	return vm->blocked;
}

bool slot_idle_watch(struct slot_thread *t, uint64_t now)
{
	bool ends = false;

	for (uint32_t i = 0; i < t->n_running; i++)
		ends |= done(t, t->vm[t->running[i]], now);
	for (uint32_t i = 0; i < t->n_idle; i++) {
		struct cpu_vm *vm = t->vm[t->idle[i]];

		if (!vm->idle || !works_on(t, vm))
			continue;
		if (account_idle(t, vm, true, now)) {
			vm->boosted = true;
			vm->busy_ns = now;
			ends = true;
		} else if (!vm->idle) {
			slot_thread_pause(t, vm, now);
		}
	}
	return ends;
}

uint64_t slot_idle_interval(const struct slot_thread *t)
{
	uint32_t n = t->n_idle;

	for (uint32_t i = 0; i < t->n_running; i++)
		n += t->vm[t->running[i]]->boosted;
	return t->preempts && !t->open ? WATCH_NS * ((n + WATCH_VMS - 1) / WATCH_VMS) : 0;
}
