// SPDX-License-Identifier: GPL-2.0-or-later
#include "thread.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "idle.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

/* A slot that begins this part of a slot late is counted. */
#define LATE_PERMILLE 100
/* What opening and closing gates takes is averaged over about so many slots. */
#define SWITCH_AVERAGE 16
/* Above ordinary threads is enough; kernel threads of higher priority must not wait for us. */
#define FIFO_PRIORITY 1
/*
 * Silence after which the guard takes us for dead: long enough for a busy host, short enough to keep the
 * promise of 100 ms; never less than a few slots.
 */
#define STALL_MS 50
#define STALL_SLOTS 3

void slot_thread_pause(struct slot_thread *t, struct cpu_vm *vm, uint64_t now)
{
	struct cpu_turn *turn;

	if (vm->paused || vm->lost)
		return;
	guard_set(t->guard, vm->guard_slot, true);
	if (gate_pause(&vm->gate) < 0) {
		guard_set(t->guard, vm->guard_slot, false);
		vm->lost = true;
		return;
	}
	turn = &t->turns[t->n_turns++ % CPU_TURNS];
	*turn = (struct cpu_turn){ .start_ns = vm->since_ns, .end_ns = now, .pid = vm->pid,
				   .used_ns = vm->clock_ns - vm->turn_ns };
	vm->turn_ns = vm->clock_ns;
	vm->paused = true;
	vm->since_ns = now;
	vm->pauses++;
}

static void run_vm(struct slot_thread *t, struct cpu_vm *vm, uint64_t now)
{
	uint64_t pause;

	if (!vm->paused)
		return;
	if (gate_run(&vm->gate) < 0)
		vm->lost = true;
	else
		guard_set(t->guard, vm->guard_slot, false);
	vm->paused = false;
	pause = now - vm->since_ns;
	if (pause > vm->longest_pause_ns)
		vm->longest_pause_ns = pause;
	vm->since_ns = now;
}

static bool in_set(const struct slot_set *set, uint32_t id)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (set->vm[i] == id)
			return true;
	return false;
}

/*
 * Of VMs that were let run, pause those that have no turn now; the idle ones among them are kept in t->idle.
 */
static uint32_t close_gates(struct slot_thread *t, const struct slot_set *set, const uint32_t *open,
			    uint32_t n, uint32_t kept)
{
	for (uint32_t i = 0; i < n; i++) {
		struct cpu_vm *vm = t->vm[open[i]];

		if (in_set(set, vm->id))
			continue;
		if (vm->idle)
			t->idle[kept++] = vm->id;
		else
			slot_thread_pause(t, vm, clock_now_ns());
	}
	return kept;
}

/* Close gates first, then open those of the slot. O(VMs that are let run). */
static void switch_gates(struct slot_thread *t, const struct slot_set *set)
{
	t->n_idle = close_gates(t, set, t->idle, t->n_idle, 0);
	t->n_idle = close_gates(t, set, t->running, t->n_running, t->n_idle);
	for (uint32_t i = 0; i < set->n; i++) {
		struct cpu_vm *vm = t->vm[set->vm[i]];

		vm->idle = false;
		run_vm(t, vm, clock_now_ns());
		t->running[i] = vm->id;
	}
	t->n_running = set->n;
}

/* After a silence in which the guard may have let all VMs run. O(VMs). */
static void pause_again(struct slot_thread *t)
{
	for (uint32_t i = 0; i < t->n_vm; i++)
		if (t->vm[i] && t->vm[i]->paused && gate_pause(&t->vm[i]->gate) < 0)
			t->vm[i]->lost = true;
}

static void run_all(struct slot_thread *t)
{
	for (uint32_t i = 0; i < t->n_vm; i++)
		if (t->vm[i])
			run_vm(t, t->vm[i], clock_now_ns());
}

static void measure_switch(struct slot_thread *t, uint64_t took_ns)
{
	int64_t off = (int64_t)took_ns - (int64_t)t->stats.switch_ns;

	t->stats.switch_ns += (uint64_t)(off / SWITCH_AVERAGE);
}

static void one_slot(struct slot_thread *t)
{
	struct slot_set set;
	uint64_t now = clock_now_ns();
	bool silent = t->stall_ns && t->beat_ns && now - t->beat_ns > t->stall_ns;

	guard_beat(t->guard, now);
	t->beat_ns = now;
	if (t->open) {
		run_all(t);
		return;
	}
	if (silent)
		pause_again(t);
	slot_idle_account(t, now);
	rounds_next(t->rounds, now, &set);
	now = clock_now_ns();
	switch_gates(t, &set);
	measure_switch(t, clock_now_ns() - now);
	t->stats.decisions++;
}

/* The deadline after this one; slots that passed while nobody looked are skipped, not made up for. */
static uint64_t next_deadline(struct slot_thread *t, uint64_t deadline, uint64_t now)
{
	uint64_t late = now > deadline ? now - deadline : 0, skipped = late / t->slot_ns;

	if (late > t->stats.late_max_ns)
		t->stats.late_max_ns = late;
	t->slot_short = late * 1000 > t->slot_ns * LATE_PERMILLE;
	t->stats.late_slots += t->slot_short;
	t->stats.skipped_slots += skipped;
	return deadline + (skipped + 1) * t->slot_ns;
}

/* Gives up the lock meanwhile. False: the slot has to end now. */
static bool sleep_until(struct slot_thread *t, uint64_t ns)
{
	struct timespec until = { .tv_sec = (time_t)(ns / NSEC_PER_SEC),
				  .tv_nsec = (long)(ns % NSEC_PER_SEC) };

	while (!t->hurry && pthread_cond_timedwait(&t->hurried, &t->lock, &until) != ETIMEDOUT)
		;
	return !t->hurry;
}

/* Until the slot ends: at its deadline, or before it, see slot_idle_watch() and hurry(). Returns when. */
static uint64_t sleep_slot(struct slot_thread *t, uint64_t deadline)
{
	for (;;) {
		uint64_t interval = slot_idle_interval(t), now = clock_now_ns();
		bool to_the_end = !interval || now + interval >= deadline;

		if (!sleep_until(t, to_the_end ? deadline : now + interval)) {
			t->hurry = false;
			break;
		}
		now = clock_now_ns();
		if (to_the_end || now >= deadline)
			return deadline;
		if (slot_idle_watch(t, now)) {
			t->stats.early_slots++;
			break;
		}
	}
	t->slot_short = true;
	return clock_now_ns();
}

static void *slot_thread_main(void *arg)
{
	struct slot_thread *t = arg;
	struct sched_param fifo = { .sched_priority = FIFO_PRIORITY };
	uint64_t deadline = clock_now_ns();
	bool realtime = pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo) == 0;

	pthread_mutex_lock(&t->lock);
	t->stats.realtime = realtime;
	while (!t->stop) {
		one_slot(t);
		deadline = next_deadline(t, deadline, clock_now_ns());
		t->stats.cpu_ns = clock_thread_cpu_ns();
		deadline = sleep_slot(t, deadline);
	}
	run_all(t);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* The slot under way ends. */
static void hurry(struct slot_thread *t)
{
	t->hurry = true;
	pthread_cond_signal(&t->hurried);
}

/* Tells the guard how long a silence is suspicious, too. */
static void set_slot(struct slot_thread *t, uint64_t slot_ns)
{
	uint64_t stall_ms = STALL_MS;

	t->slot_ns = slot_ns;
	if (stall_ms < STALL_SLOTS * slot_ns / NSEC_PER_MSEC)
		stall_ms = STALL_SLOTS * slot_ns / NSEC_PER_MSEC;
	t->stall_ns = stall_ms * NSEC_PER_MSEC;
	guard_beat(t->guard, clock_now_ns());
	guard_set_stall(t->guard, (uint32_t)stall_ms);
}

void slot_thread_configure(struct slot_thread *t, const struct schedule *s)
{
	const struct policy_ops *policy = policy_find(s->policy);

	set_slot(t, s->slot_ns);
	/* Slots that stay a VM's own need nobody who sees it wake up. */
	t->pauses_idle = policy->pauses_idle || s->strict;
	t->preempts = policy->preempts;
	for (uint32_t i = 0; t->pauses_idle && i < t->n_idle; i++)
		(void)slot_idle_wake(t, t->vm[t->idle[i]], clock_now_ns());
	/* What counted before may not count now. */
	for (uint32_t i = 0; i < t->n_vm; i++)
		if (t->vm[i])
			t->vm[i]->streak = 0;
	hurry(t);
}

void slot_thread_open(struct slot_thread *t, bool open)
{
	const struct slot_set set = { .vm = t->running, .n = t->n_running };

	if (t->open == open)
		return;
	t->open = open;
	if (open)
		run_all(t);
	for (uint32_t i = 0; i < t->n_vm && !open; i++) {
		struct cpu_vm *vm = t->vm[i];

		if (!vm)
			continue;
		(void)slot_idle_used(vm);
		if (!vm->idle && !in_set(&set, i))
			slot_thread_pause(t, vm, clock_now_ns());
	}
}

int slot_thread_start(struct slot_thread *t, struct rounds *rounds, struct guard *guard,
		      const struct schedule *s)
{
	pthread_mutexattr_t attr;
	pthread_condattr_t clock;
	struct timespec tick;
	int err;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	*t = (struct slot_thread){ .guard = guard, .tick_ns = (uint64_t)tick.tv_nsec };
	t->turns = calloc(CPU_TURNS, sizeof(*t->turns));
	t->running = calloc(ROUNDS_LANES_MAX, sizeof(*t->running));
	if (!t->turns || !t->running) {
		free(t->turns);
		free(t->running);
		return -ENOMEM;
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&t->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&t->hurried, &clock);
	pthread_condattr_destroy(&clock);
	t->rounds = rounds;
	slot_thread_configure(t, s);
	err = pthread_create(&t->thread, NULL, slot_thread_main, t);
	if (err) {
		free(t->turns);
		free(t->running);
		return -err;
	}
	return 0;
}

void slot_thread_stop(struct slot_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	hurry(t);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->hurried);
	pthread_mutex_destroy(&t->lock);
	rounds_free(t->rounds);
	free(t->vm);
	free(t->running);
	free(t->idle);
	free(t->turns);
}

int slot_thread_add(struct slot_thread *t, struct cpu_vm *vm)
{
	uint64_t now = clock_now_ns();
	uint32_t *idle;
	int err = rounds_add(t->rounds, vm->part, now, &vm->id);

	if (err < 0)
		return err;
	if (vm->id >= t->n_vm) {
		struct cpu_vm **bigger = reallocarray(t->vm, vm->id + 1, sizeof(*bigger));

		if (!bigger) {
			rounds_remove(t->rounds, vm->id, now);
			return -ENOMEM;
		}
		memset(&bigger[t->n_vm], 0, (vm->id + 1 - t->n_vm) * sizeof(*bigger));
		t->vm = bigger;
		t->n_vm = vm->id + 1;
	}
	idle = reallocarray(t->idle, t->n_vm + ROUNDS_LANES_MAX, sizeof(*idle));
	if (!idle) {
		rounds_remove(t->rounds, vm->id, now);
		return -ENOMEM;
	}
	t->idle = idle;
	t->vm[vm->id] = vm;
	vm->since_ns = now;
	cputime_read(&vm->clock, &vm->clock_ns);
	vm->turn_ns = vm->clock_ns;
	if (!t->open)
		slot_thread_pause(t, vm, now);
	return 0;
}

static uint32_t drop_id(uint32_t *ids, uint32_t n, uint32_t id)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (ids[i] != id)
			ids[kept++] = ids[i];
	return kept;
}

void slot_thread_remove(struct slot_thread *t, struct cpu_vm *vm)
{
	const struct slot_set set = { .vm = t->running, .n = t->n_running };

	if (in_set(&set, vm->id))
		hurry(t);
	rounds_remove(t->rounds, vm->id, clock_now_ns());
	t->n_running = drop_id(t->running, t->n_running, vm->id);
	t->n_idle = drop_id(t->idle, t->n_idle, vm->id);
	t->vm[vm->id] = NULL;
	run_vm(t, vm, clock_now_ns());
}
