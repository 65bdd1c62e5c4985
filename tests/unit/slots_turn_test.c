/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Turns: the order in which a gate and the guard's record change, and what is remembered of a turn. */

#include "slots_fakes.h"

#include "base/cleanup.h"
#include "slots/table.h"
#include "slots/turn.h"

static struct turns turns;
static struct slot_vm *vm[3];

static int begin(void **state)
{
	(void)state;
	fakes_reset();
	for (int i = 0; i < 3; i++)
		vm[i] = fake_vm(i);
	return turns_init(&turns, NULL);
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		free(vm[i]);
	turns_free(&turns);
	return 0;
}

static void the_guard_knows_before_a_pause_and_until_it_has_ended(void **state)
{
	(void)state;
	turn_pause(&turns, vm[0], 10);
	assert_string_equal(journal, "+0P0");
	assert_true(vm[0]->run.paused);
	turn_run(&turns, vm[0], 20);
	assert_string_equal(journal, "+0P0R0-0");
	assert_false(vm[0]->run.paused);
	assert_int_equal(broken_promises, 0);
}

static void a_gate_moves_only_once(void **state)
{
	(void)state;
	turn_run(&turns, vm[0], 5);
	assert_string_equal(journal, "");
	turn_pause(&turns, vm[0], 10);
	turn_pause(&turns, vm[0], 20);
	assert_string_equal(journal, "+0P0");
	assert_int_equal(vm[0]->run.pauses, 1);
	assert_int_equal(vm[0]->run.since_ns, 10);
	assert_int_equal(turns.n, 1);
}

static void a_vm_whose_gate_cannot_be_closed_is_lost_and_runs(void **state)
{
	(void)state;
	fake[0].gone = true;
	turn_pause(&turns, vm[0], 10);
	assert_string_equal(journal, "+0P0-0");
	assert_true(vm[0]->run.lost);
	assert_false(vm[0]->run.paused);
	assert_int_equal(vm[0]->run.pauses, 0);
	assert_int_equal(turns.n, 0);
	turn_pause(&turns, vm[0], 20); /* it is not tried again */
	assert_string_equal(journal, "+0P0-0");
}

static void a_vm_whose_gate_cannot_be_opened_stays_paused_for_the_guard(void **state)
{
	(void)state;
	turn_pause(&turns, vm[0], 10);
	fake[0].gone = true;
	turn_run(&turns, vm[0], 20);
	assert_string_equal(journal, "+0P0R0");
	assert_true(vm[0]->run.lost);
	assert_false(vm[0]->run.paused);
	assert_true(fake[0].guard_paused);
}

/* Its cgroup is there, but refuses: the VM is paused, as all that is known of it says, until it runs. */
static void a_vm_that_cannot_be_let_run_is_known_to_be_paused(void **state)
{
	(void)state;
	turn_pause(&turns, vm[0], 10);
	fake[0].frozen_error = -EIO;
	turn_run(&turns, vm[0], 20);
	assert_true(vm[0]->run.paused);
	assert_false(vm[0]->run.lost);
	assert_int_equal(vm[0]->run.thaw_error, -EIO);
	assert_true(fake[0].guard_paused);
	fake[0].frozen_error = 0;
	turn_run(&turns, vm[0], 40);
	assert_string_equal(journal, "+0P0R0R0-0");
	assert_false(vm[0]->run.paused);
	assert_int_equal(vm[0]->run.thaw_error, 0);
	assert_int_equal(vm[0]->run.longest_pause_ns, 30); /* all of it */
}

static void the_longest_pause_is_kept(void **state)
{
	static const uint64_t pause[] = { 30, 70, 50 };
	uint64_t now = 100;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pause); i++) {
		turn_pause(&turns, vm[0], now);
		turn_run(&turns, vm[0], now += pause[i]);
		now += 1000; /* a turn is no pause */
	}
	assert_int_equal(vm[0]->run.longest_pause_ns, 70);
	assert_int_equal(vm[0]->run.pauses, 3);
}

static void only_what_is_paused_is_paused_again(void **state)
{
	(void)state;
	turn_pause(&turns, vm[0], 10);
	turn_pause_again(vm[0]);
	turn_pause_again(vm[1]);
	assert_string_equal(journal, "+0P0P0");
	assert_int_equal(vm[0]->run.pauses, 1);
	assert_int_equal(turns.n, 1);
	fake[0].gone = true;
	turn_pause_again(vm[0]);
	assert_true(vm[0]->run.lost);
}

static void a_turn_is_remembered(void **state)
{
	struct slots_turn *out = calloc(SLOTS_TURNS, sizeof(*out));

	(void)state;
	turn_pause(&turns, vm[1], 50);
	turn_run(&turns, vm[1], 100);
	vm[1]->run.clock_ns = 7;
	turn_pause(&turns, vm[1], 110);
	turn_run(&turns, vm[1], 120);
	vm[1]->run.clock_ns = 12;
	turn_pause(&turns, vm[1], 140);
	assert_int_equal(turns_since(&turns, 100, out), 2);
	assert_int_equal(out[0].pid, FAKE_PID + 1);
	assert_int_equal(out[0].start_ns, 100);
	assert_int_equal(out[0].end_ns, 110);
	assert_int_equal(out[0].used_ns, 7);
	assert_int_equal(out[1].start_ns, 120);
	assert_int_equal(out[1].used_ns, 5);
	assert_int_equal(turns_since(&turns, 101, out), 1);
	assert_int_equal(turns_since(&turns, 141, out), 0);
	free(out);
}

/* VM 0 runs idle all the time, and ends its long turn among the short ones of VM 1. */
static void a_turn_that_began_earlier_is_left_out_wherever_it_ended(void **state)
{
	struct slots_turn *out = calloc(SLOTS_TURNS, sizeof(*out));
	size_t n;

	(void)state;
	for (uint64_t now = 10; now < 100; now += 10) {
		turn_pause(&turns, vm[1], now);
		turn_run(&turns, vm[1], now + 5);
		if (now == 60)
			turn_pause(&turns, vm[0], now + 5);
	}
	n = turns_since(&turns, 45, out);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i].pid, FAKE_PID + 1);
		assert_int_equal(out[i].start_ns, 45 + 10 * i);
	}
	free(out);
}

static void the_latest_turns_are_kept(void **state)
{
	struct slots_turn *out = calloc(SLOTS_TURNS, sizeof(*out));

	(void)state;
	for (uint64_t k = 0; k < SLOTS_TURNS + 10; k++) {
		journal[0] = '\0';
		turn_pause(&turns, vm[0], 2 * k + 1);
		turn_run(&turns, vm[0], 2 * k + 2);
	}
	assert_int_equal(turns_since(&turns, 0, out), SLOTS_TURNS);
	assert_int_equal(out[0].start_ns, 2 * 9 + 2);
	assert_int_equal(out[SLOTS_TURNS - 1].end_ns, 2 * (SLOTS_TURNS + 9) + 1);
	free(out);
}

static void the_table_has_vms_by_id(void **state)
{
	struct slot_table t = { 0 };

	(void)state;
	for (uint32_t id = 0; id < 3; id++) {
		vm[id]->id = id;
		assert_int_equal(table_add(&t, vm[id]), 0);
		t.turn[t.n_turn++] = id;
	}
	assert_int_equal(t.n_vm, 3);
	t.n_turn = 2;
	t.idle[t.n_idle++] = 2;
	assert_true(table_has_turn(&t, 1));
	assert_false(table_has_turn(&t, 2));
	table_remove(&t, vm[0]);
	assert_null(t.vm[0]);
	assert_int_equal(t.n_turn, 1);
	assert_int_equal(t.turn[0], 1);
	assert_int_equal(t.n_idle, 1);
	table_remove(&t, vm[2]);
	assert_int_equal(t.n_idle, 0);
	vm[2]->id = 0; /* the lowest free id */
	assert_int_equal(table_add(&t, vm[2]), 0);
	assert_ptr_equal(t.vm[0], vm[2]);
	assert_int_equal(t.n_vm, 3);
	table_free(&t);
	assert_int_equal(t.n_vm, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_guard_knows_before_a_pause_and_until_it_has_ended, begin,
						end),
		cmocka_unit_test_setup_teardown(a_gate_moves_only_once, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_whose_gate_cannot_be_closed_is_lost_and_runs, begin,
						end),
		cmocka_unit_test_setup_teardown(a_vm_whose_gate_cannot_be_opened_stays_paused_for_the_guard,
						begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_cannot_be_let_run_is_known_to_be_paused, begin, end),
		cmocka_unit_test_setup_teardown(the_longest_pause_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(only_what_is_paused_is_paused_again, begin, end),
		cmocka_unit_test_setup_teardown(a_turn_is_remembered, begin, end),
		cmocka_unit_test_setup_teardown(a_turn_that_began_earlier_is_left_out_wherever_it_ended,
						begin, end),
		cmocka_unit_test_setup_teardown(the_latest_turns_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(the_table_has_vms_by_id, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots_turn", tests, NULL, NULL);
}
