// SPDX-License-Identifier: GPL-2.0-or-later
#include "thread.h"

#include "base/clock.h"

#include <errno.h>
#include <sched.h>
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

/* --- a slot -------------------------------------------------------------------------------------- */

static bool in_set(const struct slot_set *set, uint32_t id)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (set->vm[i] == id)
			return true;
	return false;
}

/*
 * Of n VMs that were let run, pause those that have no turn in this set; the idle ones among them are kept in
 * table.idle, from `kept` on. Returns how many it has then.
 */
static uint32_t close_gates(struct slot_thread *t, const struct slot_set *set, const uint32_t *ids,
			    uint32_t n, uint32_t kept)
{
	for (uint32_t i = 0; i < n; i++) {
		struct slot_vm *vm = t->table.vm[ids[i]];

		if (in_set(set, vm->id))
			continue;
		if (vm->run.idle)
			t->table.idle[kept++] = vm->id;
		else
			turn_pause(&t->turns, vm, clock_now_ns());
	}
	return kept;
}

/* Close gates first, then open those of the slot. O(VMs that are let run). */
static void switch_gates(struct slot_thread *t, const struct slot_set *set)
{
	struct slot_table *table = &t->table;

	table->n_idle = close_gates(t, set, table->idle, table->n_idle, 0);
	table->n_idle = close_gates(t, set, table->turn, table->n_turn, table->n_idle);
	for (uint32_t i = 0; i < set->n; i++) {
		struct slot_vm *vm = table->vm[set->vm[i]];

		vm->run.idle = false;
		turn_run(&t->turns, vm, clock_now_ns());
		table->turn[i] = vm->id;
	}
	table->n_turn = set->n;
}

/* After a silence in which the guard may have let all VMs run. O(VMs). */
static void pause_again(struct slot_thread *t)
{
	for (uint32_t i = 0; i < t->table.n_vm; i++)
		if (t->table.vm[i])
			turn_pause_again(t->table.vm[i]);
}

static void run_all(struct slot_thread *t)
{
	for (uint32_t i = 0; i < t->table.n_vm; i++)
		if (t->table.vm[i])
			turn_run(&t->turns, t->table.vm[i], clock_now_ns());
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
	if (t->unguarded)
		return;
	if (silent)
		pause_again(t);
	idle_account(&t->idle, t->slot_short, now);
	rounds_next(t->rounds, now, &set);
	now = clock_now_ns();
	switch_gates(t, &set);
	measure_switch(t, clock_now_ns() - now);
	t->stats.decisions++;
}

/* --- the thread ---------------------------------------------------------------------------------- */

/* The deadline after this one. Slots that have passed already are skipped, not made up for. */
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

/* Until the slot ends: at its deadline, or before it by idle_watch() or hurry(). Returns when. */
static uint64_t sleep_slot(struct slot_thread *t, uint64_t deadline)
{
	for (;;) {
		uint64_t interval = t->unguarded ? 0 : idle_interval(&t->idle), now = clock_now_ns();
		bool to_the_end = !interval || now + interval >= deadline;

		if (!sleep_until(t, to_the_end ? deadline : now + interval)) {
			t->hurry = false;
			break;
		}
		now = clock_now_ns();
		if (to_the_end || now >= deadline)
			return deadline;
		if (!t->unguarded && idle_watch(&t->idle, now)) {
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
		t->stats.scheduler_cpu_ns = clock_thread_cpu_ns();
		deadline = sleep_slot(t, deadline);
	}
	run_all(t);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* --- from the main thread ------------------------------------------------------------------------ */

/* Under the lock: the slot under way ends. */
static void hurry(struct slot_thread *t)
{
	t->hurry = true;
	pthread_cond_signal(&t->hurried);
}

static struct rounds_config rounds_config_of(const struct schedule *s)
{
	return (struct rounds_config){ .policy = policy_find(s->policy),
				       .slot_ns = s->slot_ns,
				       .slots = s->slots,
				       .lanes = s->lanes,
				       .burst_ns = s->burst_ns,
				       .strict = s->strict,
				       .spread = s->spread };
}

/* Tells the guard, too, how long a silence is suspicious. */
static void set_slot(struct slot_thread *t, uint64_t slot_ns)
{
	uint64_t stall_ms = STALL_MS;

	t->slot_ns = t->idle.slot_ns = slot_ns;
	if (stall_ms < STALL_SLOTS * slot_ns / NSEC_PER_MSEC)
		stall_ms = STALL_SLOTS * slot_ns / NSEC_PER_MSEC;
	t->stall_ns = stall_ms * NSEC_PER_MSEC;
	guard_beat(t->guard, clock_now_ns());
	guard_set_stall(t->guard, (uint32_t)stall_ms);
}

/* All that rounds does not know of the schedule. Under the lock. */
static void set_schedule(struct slot_thread *t, const struct schedule *s)
{
	const struct policy_ops *policy = policy_find(s->policy);

	set_slot(t, s->slot_ns);
	/* Where slots stay a VM's own, it need not be seen to wake up. */
	t->idle.pauses_idle = policy->pauses_idle || s->strict;
	t->idle.preempts = policy->preempts != NULL;
	for (uint32_t i = 0; t->idle.pauses_idle && i < t->table.n_idle; i++)
		(void)idle_wake(&t->idle, t->table.vm[t->table.idle[i]], clock_now_ns());
	/* What counted before may not count now. */
	for (uint32_t i = 0; i < t->table.n_vm; i++)
		if (t->table.vm[i])
			t->table.vm[i]->run.streak = 0;
}

int slot_thread_configure(struct slot_thread *t, const struct schedule *s)
{
	struct rounds_config config = rounds_config_of(s);
	int err;

	pthread_mutex_lock(&t->lock);
	err = rounds_configure(t->rounds, &config, clock_now_ns());
	if (err >= 0) {
		set_schedule(t, s);
		hurry(t);
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

void slot_thread_set_guarded(struct slot_thread *t, bool guarded)
{
	pthread_mutex_lock(&t->lock);
	if (t->unguarded && guarded) {
		for (uint32_t i = 0; i < t->table.n_vm; i++) {
			struct slot_vm *vm = t->table.vm[i];

			if (!vm)
				continue;
			(void)idle_used(vm);
			if (!vm->run.idle && !table_has_turn(&t->table, i))
				turn_pause(&t->turns, vm, clock_now_ns());
		}
	} else if (!t->unguarded && !guarded) {
		run_all(t);
	}
	t->unguarded = !guarded;
	pthread_mutex_unlock(&t->lock);
}

static int start_rounds(struct slot_thread *t, const struct schedule *s)
{
	struct rounds_config config = rounds_config_of(s);
	int err = turns_init(&t->turns, t->guard);

	if (err >= 0)
		err = rounds_new(&t->rounds, &config, clock_now_ns());
	return err;
}

static void init_lock(struct slot_thread *t)
{
	pthread_mutexattr_t attr;
	pthread_condattr_t clock;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&t->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&t->hurried, &clock);
	pthread_condattr_destroy(&clock);
}

static void free_all(struct slot_thread *t)
{
	pthread_cond_destroy(&t->hurried);
	pthread_mutex_destroy(&t->lock);
	rounds_free(t->rounds);
	table_free(&t->table);
	turns_free(&t->turns);
}

int slot_thread_start(struct slot_thread *t, struct guard *guard, const struct schedule *s)
{
	struct timespec tick;
	int err;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	*t = (struct slot_thread){ .guard = guard };
	init_lock(t);
	err = start_rounds(t, s);
	if (err >= 0) {
		t->idle = (struct idle){ .rounds = t->rounds,
					 .table = &t->table,
					 .turns = &t->turns,
					 .tick_ns = (uint64_t)tick.tv_nsec };
		set_schedule(t, s);
		err = -pthread_create(&t->thread, NULL, slot_thread_main, t);
	}
	if (err < 0)
		free_all(t);
	return err;
}

void slot_thread_stop(struct slot_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	hurry(t);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	free_all(t);
}

/* Under the lock. */
static int add(struct slot_thread *t, struct slot_vm *vm)
{
	uint64_t now = clock_now_ns();
	int err = rounds_add(t->rounds, vm->want.part, now, &vm->id);

	if (err < 0)
		return err;
	err = table_add(&t->table, vm);
	if (err < 0) {
		rounds_remove(t->rounds, vm->id, now);
		return err;
	}
	vm->run.since_ns = now;
	cputime_read(&vm->clock, &vm->run.clock_ns);
	vm->run.turn_ns = vm->run.clock_ns;
	if (!t->unguarded)
		turn_pause(&t->turns, vm, now);
	return 0;
}

int slot_thread_add(struct slot_thread *t, struct slot_vm *vm)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = add(t, vm);
	pthread_mutex_unlock(&t->lock);
	return err;
}

void slot_thread_remove(struct slot_thread *t, struct slot_vm *vm)
{
	pthread_mutex_lock(&t->lock);
	if (table_has_turn(&t->table, vm->id))
		hurry(t);
	rounds_remove(t->rounds, vm->id, clock_now_ns());
	table_remove(&t->table, vm);
	turn_run(&t->turns, vm, clock_now_ns());
	pthread_mutex_unlock(&t->lock);
}

int slot_thread_let_run(struct slot_thread *t, struct slot_vm *vm)
{
	int err;

	pthread_mutex_lock(&t->lock);
	/* One that has no turn now is paused rightly, and its next turn tries. */
	if (vm->run.thaw_error && (t->unguarded || vm->run.idle || table_has_turn(&t->table, vm->id)))
		turn_run(&t->turns, vm, clock_now_ns());
	err = vm->run.thaw_error;
	pthread_mutex_unlock(&t->lock);
	return err;
}

void slot_thread_set_part(struct slot_thread *t, const struct slot_vm *vm)
{
	pthread_mutex_lock(&t->lock);
	rounds_set_part(t->rounds, vm->id, vm->want.part);
	pthread_mutex_unlock(&t->lock);
}
