/* SPDX-License-Identifier: GPL-2.0-or-later */

/* VMs that cannot be let run, and gates that cannot be had: nothing is forgotten, and what runs goes on. */

#include "slots_rig.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* --- what cannot be let run ---------------------------------------------------------------------- */

/* VM 1 is paused, and its cgroup refuses to let it run. */
static void freeze(void)
{
	for (int i = 0; i < 10000 && !(fake[1].closed && fake[1].frozen_error); i++) {
		fake[1].frozen_error = fake[1].closed ? -EIO : 0;
		nap_us(300);
	}
	assert_true(fake[1].closed && fake[1].guard_paused);
}

static void a_vm_that_cannot_be_let_run_says_so_once_and_is_tried_again(void **state)
{
	(void)state;
	freeze();
	let_pass(6); /* its turn among them */
	for (int i = 0; i < 3; i++)
		slots_audit(slots, i == 2);
	assert_true(status_of(1).takes_part);
	assert_non_null(
		strstr(status_of(1).why, "process 5001 is paused and cannot be let run (Input/output"));
	assert_int_equal(lines_of("VM vm1: process 5001 is paused and cannot be let run"), 1);
	assert_true(fake[1].closed && fake[1].guard_paused);
	fake[1].frozen_error = 0;
	let_pass(6);
	slots_audit(slots, false);
	assert_string_equal(status_of(1).why, "");
	assert_true(fake[1].runs > 0);
	assert_true(status_of(0).takes_part);
}

/* One that leaves keeps its gate, its cgroup and its record at the guard until it runs. */
static void a_vm_that_leaves_and_cannot_be_let_run_is_kept(void **state)
{
	(void)state;
	freeze();
	bindings[2].bound = false;
	slots_apply(&slots, &model, bindings);
	assert_true(fake[1].closed && fake[1].guard_paused && fake[1].placed);
	assert_int_equal(fake[1].removed, 0);
	assert_int_equal(lines_of("VM vm1 left, but process 5001 cannot be let run"), 1);
	slots_audit(slots, true);
	assert_int_equal(lines_of("cannot be let run"), 1);
	assert_true(fake[1].guard_paused);
	fake[1].frozen_error = 0;
	slots_audit(slots, false);
	assert_false(fake[1].closed || fake[1].guard_paused || fake[1].placed);
	assert_int_equal(lines_of("process 5001 runs again"), 1);
}

static void a_vm_that_comes_back_meanwhile_takes_part_when_it_runs(void **state)
{
	(void)state;
	freeze();
	bindings[2].bound = false;
	slots_apply(&slots, &model, bindings);
	bindings[2].bound = true;
	slots_apply(&slots, &model, bindings);
	assert_false(status_of(1).takes_part);
	assert_non_null(strstr(status_of(1).why, "is paused and cannot be let run"));
	assert_true(fake[1].guard_paused);
	fake[1].frozen_error = 0;
	slots_audit(slots, false);
	assert_true(status_of(1).takes_part);
	assert_string_equal(status_of(1).why, "");
	assert_int_equal(fake[1].removed, 1);
}

/* The guard is told before divvyd ends, and lets it run when it can. */
static void what_cannot_be_let_run_at_the_end_is_the_guard_s(void **state)
{
	(void)state;
	freeze();
	slots = slots_close(slots);
	assert_true(fake[1].closed && fake[1].guard_paused && fake[1].placed);
	assert_int_equal(lines_of("process 5001 still cannot be let run: divvy-guard goes on trying"), 1);
	assert_false(fake[0].closed || fake[0].placed || fake[2].closed || fake[2].placed);
	fake[1].closed = fake[1].guard_paused = fake[1].placed = false; /* as the guard does */
}

/* --- another gate -------------------------------------------------------------------------------- */

static int prepare_quota(void)
{
	struct schedule s = model.schedule;

	s.gate = GATE_QUOTA;
	s.slot_ns = 50 * NSEC_PER_MSEC;
	why[0] = '\0';
	return slots_prepare(&slots, &s, "/run/divvy", why);
}

/* All three take part, under the gate that they had. */
static void assert_as_before(void)
{
	let_pass(3);
	for (int i = 0; i < 3; i++) {
		assert_true(status_of(i).takes_part);
		assert_int_equal(fake[i].gate, GATE_FREEZE);
		assert_true(fake[i].placed);
	}
	slots_apply(&slots, &model, bindings); /* of the model that runs on */
	for (int i = 0; i < 3; i++)
		assert_true(status_of(i).takes_part);
}

static void a_gate_that_one_vm_cannot_have_is_refused(void **state)
{
	(void)state;
	fake[2].quotaless = true;
	assert_int_equal(prepare_quota(), -EBUSY);
	assert_string_equal(why, "VM vm2: no gate for process 5002");
	assert_as_before();
}

static void without_a_place_nothing_is_even_touched(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	fake[2].refused = true;
	assert_int_equal(prepare_quota(), -EBUSY);
	assert_string_equal(why, "VM vm2: no room for process 5002");
	assert_int_equal(n_opens, opens);
	fake[2].refused = false;
	assert_as_before();
	assert_int_equal(n_opens, opens);
}

static void no_gate_is_left_by_a_vm_that_cannot_be_let_run(void **state)
{
	(void)state;
	freeze();
	assert_int_equal(prepare_quota(), -EBUSY);
	assert_non_null(strstr(why, "VM vm1: process 5001 is paused and cannot be let run"));
	assert_true(fake[1].guard_paused);
	assert_true(status_of(0).takes_part && status_of(2).takes_part);
	assert_int_equal(fake[0].gate, GATE_FREEZE);
	fake[1].frozen_error = 0;
	slots_audit(slots, false);
	assert_as_before();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vm_that_cannot_be_let_run_says_so_once_and_is_tried_again),
		TEST(a_vm_that_leaves_and_cannot_be_let_run_is_kept),
		TEST(a_vm_that_comes_back_meanwhile_takes_part_when_it_runs),
		TEST(what_cannot_be_let_run_at_the_end_is_the_guard_s),
		TEST(a_gate_that_one_vm_cannot_have_is_refused),
		TEST(without_a_place_nothing_is_even_touched),
		TEST(no_gate_is_left_by_a_vm_that_cannot_be_let_run),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots_stuck", tests, NULL, NULL);
}
