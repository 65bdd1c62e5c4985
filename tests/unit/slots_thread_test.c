/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The slot thread itself, in real time, on gates and clocks that are none (slots_fakes.h). What is checked
 * holds however late the thread gets a CPU.
 */

#include "slots_fakes.h"

#include "base/cleanup.h"
#include "core/model.h"
#include "slots/thread.h"
#include "tests/clock.h"

#define VMS 4
#define PATIENCE_NS (10 * NSEC_PER_SEC)

static struct slot_thread thread;
static struct slot_vm *vm[VMS];
static bool started;
static int n_vms;

static struct schedule schedule_of(const char *policy, uint32_t lanes)
{
	struct schedule s = schedule_default;

	s.resource = RESOURCE_CPU;
	s.slot_ns = 2 * NSEC_PER_MSEC;
	s.slots = 20;
	s.lanes = lanes;
	snprintf(s.policy, sizeof(s.policy), "%s", policy);
	return s;
}

static void add(bool busy)
{
	int i = n_vms++;

	vm[i] = fake_vm(i);
	fake[i].busy = busy;
	assert_int_equal(slot_thread_add(&thread, vm[i]), 0);
}

static void start(const struct schedule *s)
{
	fakes_reset();
	assert_int_equal(slot_thread_start(&thread, NULL, s), 0);
	started = true;
}

/* n busy VMs. */
static void start_busy(const char *policy, uint32_t lanes, int n)
{
	struct schedule s = schedule_of(policy, lanes);

	start(&s);
	while (n--)
		add(true);
}

/* Whatever a test has done, and wherever it failed: the thread has ended, and all VMs run. */
static int end(void **state)
{
	(void)state;
	if (started)
		slot_thread_stop(&thread);
	started = false;
	for (int i = 0; i < n_vms; i++) {
		if (!fake[i].gone) {
			assert_false(vm[i]->run.paused);
			assert_false(fake[i].closed);
			assert_false(fake[i].guard_paused);
		}
		free(vm[i]);
	}
	n_vms = 0;
	assert_int_equal(broken_promises, 0);
	return 0;
}

/* Wait until it holds, looking under the lock. False: it never did. */
#define comes(condition)                                          \
	({                                                        \
		uint64_t deadline = clock_now_ns() + PATIENCE_NS; \
		bool holds;                                       \
		do {                                              \
			nap_us(500);                              \
			pthread_mutex_lock(&thread.lock);         \
			holds = (condition);                      \
			pthread_mutex_unlock(&thread.lock);       \
		} while (!holds && clock_now_ns() < deadline);    \
		holds;                                            \
	})
#define until(condition) assert_true(comes(condition))

static void set_busy(int i, bool busy)
{
	pthread_mutex_lock(&thread.lock);
	fake[i].busy = busy;
	fake[i].opened_ns = clock_now_ns();
	pthread_mutex_unlock(&thread.lock);
}

static unsigned closed_gates(void)
{
	unsigned closed = 0;

	for (int i = 0; i < n_vms; i++)
		closed += fake[i].closed;
	return closed;
}

static unsigned all_pauses(void)
{
	unsigned pauses = 0;

	for (int i = 0; i < n_vms; i++)
		pauses += fake[i].pauses;
	return pauses;
}

static uint64_t charged(int i)
{
	struct rounds_vm account;

	pthread_mutex_lock(&thread.lock);
	rounds_info(thread.rounds, vm[i]->id, &account);
	pthread_mutex_unlock(&thread.lock);
	return account.used_ns;
}

static void one_vm_runs_at_a_time(void **state)
{
	(void)state;
	start_busy("smooth", 1, VMS);
	until(thread.stats.decisions > 200);
	assert_int_equal(most_running, 1);
	for (int i = 0; i < VMS; i++)
		assert_true(fake[i].runs > 10);
}

static void so_many_run_as_there_are_lanes(void **state)
{
	(void)state;
	start_busy("smooth", 2, VMS);
	until(thread.stats.decisions > 200);
	assert_int_equal(most_running, 2);
}

/* Neither those that take part, nor one that joins meanwhile. */
static void without_a_guard_no_vm_is_paused(void **state)
{
	unsigned pauses, runs;
	uint64_t used, again;

	(void)state;
	start_busy("smooth", 1, VMS - 1);
	until(thread.stats.decisions > 20);
	slot_thread_set_guarded(&thread, false);
	until(closed_gates() == 0);
	used = charged(0);
	pauses = all_pauses();
	add(true);
	nap_us(200000);
	until(closed_gates() == 0);
	assert_int_equal(all_pauses(), pauses);
	/* There is a guard again. What ran meanwhile is charged to none. */
	again = clock_now_ns();
	slot_thread_set_guarded(&thread, true);
	runs = fake[0].runs;
	until(closed_gates() == VMS - 1);
	until(fake[0].runs > runs + 1);
	used = charged(0) - used;
	assert_true(used <= clock_now_ns() - again);
}

/* The guard has let all VMs run, for the thread was silent for longer than it may. */
static void after_a_silence_vms_are_paused_again(void **state)
{
	char first[] = "P0";

	(void)state;
	start_busy("smooth", 1, 2);
	until(thread.stats.decisions > 20);
	pthread_mutex_lock(&thread.lock);
	nap_us((long)(thread.stall_ns / NSEC_PER_USEC) + 20000);
	first[1] = vm[0]->run.paused ? '0' : '1';
	fake[0].closed = fake[1].closed = false;
	journal[0] = '\0';
	pthread_mutex_unlock(&thread.lock);
	until(journal[0]);
	assert_memory_equal(journal, first, 2); /* before any other gate moves */
	until(closed_gates() == 1);
	assert_true(thread.stats.skipped_slots > 10);
}

static void a_vm_that_leaves_runs(void **state)
{
	(void)state;
	start_busy("smooth", 1, 3);
	until(thread.stats.decisions > 20);
	slot_thread_remove(&thread, vm[1]);
	assert_false(fake[1].closed);
	assert_false(vm[1]->run.paused);
	fake[1].pauses = fake[1].runs = 0;
	until(thread.stats.decisions > 100);
	assert_int_equal(fake[1].pauses, 0);
	assert_int_equal(slot_thread_add(&thread, vm[1]), 0); /* and comes back */
	assert_int_equal(vm[1]->id, 1);
	until(fake[1].runs > 2);
}

/* An idle VM runs on, until the policy pauses idle ones, too. */
static void another_policy_takes_effect_at_once(void **state)
{
	struct schedule paper = schedule_of("paper", 1), wrong = schedule_of("smooth", ROUNDS_LANES_MAX + 1);

	(void)state;
	start_busy("smooth", 1, 2);
	set_busy(0, false);
	until(vm[0]->run.idle);
	until(closed_gates() == 0);
	assert_int_equal(slot_thread_configure(&thread, &wrong), -EINVAL);
	assert_true(vm[0]->run.idle);
	assert_int_equal(slot_thread_configure(&thread, &paper), 0);
	until(closed_gates() == 1);
	until(fake[0].runs > 3 && thread.stats.decisions > 100);
	assert_false(vm[0]->run.idle);
}

/* Tried several times: the thread may be late. A VM of a large part does not owe, and may go first. */
static void a_vm_that_wakes_up_ends_the_slot_under_boost(void **state)
{
	struct schedule s = schedule_of("boost", 1);

	(void)state;
	s.slot_ns = 20 * NSEC_PER_MSEC;
	start(&s);
	add(false);
	add(true);
	vm[0]->want.part.ppm *= 100;
	slot_thread_set_part(&thread, vm[0]);
	for (int i = 0; i < 20 && !thread.stats.early_slots; i++) {
		set_busy(0, false);
		until(vm[0]->run.idle && table_has_turn(&thread.table, vm[1]->id));
		set_busy(0, true);
		until(!vm[0]->run.idle);
	}
	assert_true(thread.stats.early_slots > 0);
}

static void a_lost_vm_has_no_turns(void **state)
{
	(void)state;
	start_busy("smooth", 1, 2);
	until(thread.stats.decisions > 20);
	pthread_mutex_lock(&thread.lock);
	fake[0].gone = true;
	pthread_mutex_unlock(&thread.lock);
	until(vm[0]->run.lost);
	until(!fake[1].closed && thread.table.n_turn == 1 && thread.table.turn[0] == vm[1]->id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_vm_runs_at_a_time, end),
		cmocka_unit_test_teardown(so_many_run_as_there_are_lanes, end),
		cmocka_unit_test_teardown(without_a_guard_no_vm_is_paused, end),
		cmocka_unit_test_teardown(after_a_silence_vms_are_paused_again, end),
		cmocka_unit_test_teardown(a_vm_that_leaves_runs, end),
		cmocka_unit_test_teardown(another_policy_takes_effect_at_once, end),
		cmocka_unit_test_teardown(a_vm_that_wakes_up_ends_the_slot_under_boost, end),
		cmocka_unit_test_teardown(a_lost_vm_has_no_turns, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots_thread", tests, NULL, NULL);
}
