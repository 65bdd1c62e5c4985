/* SPDX-License-Identifier: GPL-2.0-or-later */

/* CPU slots as divvyd uses them, on a kernel and a guard that are none (slots_fakes.h). */

#include "slots_rig.h"

static void vms_take_part(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(status_of(i).takes_part);
		assert_true(fake[i].placed);
	}
	assert_null(strstr(logged, "no part"));
}

static void a_snapshot_is_of_one_moment(void **state)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	struct slots_status all;
	uint64_t used = 0, entitled = 0;
	size_t n;

	(void)state;
	model.schedule.slot_ns = 2 * NSEC_PER_MSEC;
	slots_apply(&slots, &model, bindings);
	let_pass(30);
	assert_int_equal(slots_snapshot(slots, &all, &vms, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(vms[i].pid, FAKE_PID + i);
		used += vms[i].account.used_ns;
		entitled += vms[i].account.entitled_ns;
		assert_true(vms[i].pauses > 0);
		assert_true(vms[i].longest_pause_ns > 0);
	}
	assert_int_equal(all.used_total_ns, used);
	assert_int_equal(all.entitled_total_ns, entitled);
	assert_true(used > 0 && entitled > 0);
	assert_true(all.decisions >= 30);
	assert_null(slots_vm_status_find(vms, n, 1));
	assert_null(slots_vm_status_find(NULL, 0, 1));
}

static void a_pause_that_lasts_is_told(void **state)
{
	(void)state;
	model.schedule.slot_ns = 5 * NSEC_PER_SEC;
	slots_apply(&slots, &model, bindings);
	let_pass(1);
	nap_us(30000);
	assert_true(status_of(0).longest_pause_ns + status_of(1).longest_pause_ns +
			    status_of(2).longest_pause_ns >
		    2 * 30 * NSEC_PER_MSEC);
}

static void a_vm_that_cannot_take_part_says_why_once(void **state)
{
	struct slots_vm_status s;

	(void)state;
	slots = slots_close(slots);
	fake[1].refused = true;
	prepare_and_apply();
	s = status_of(1);
	assert_false(s.takes_part);
	assert_string_equal(s.why, "no room for process 5001");
	assert_int_equal(s.account.used_ns, 0);
	assert_non_null(strstr(logged, "VM vm1: takes no part: no room for process 5001"));
	logged[0] = '\0';
	slots_audit(slots, true);
	slots_apply(&slots, &model, bindings);
	assert_string_equal(logged, "");
	fake[1].refused = false;
	slots_audit(slots, false); /* not yet */
	assert_false(status_of(1).takes_part);
	slots_audit(slots, true);
	assert_true(status_of(1).takes_part);
	assert_non_null(strstr(logged, "VM vm1: takes part"));
}

static void the_same_vms_go_on_as_they_are(void **state)
{
	unsigned opens = n_opens;
	uint64_t used;

	(void)state;
	let_pass(10);
	used = status_of(0).account.used_ns;
	slots_apply(&slots, &model, bindings);
	assert_int_equal(n_opens, opens);
	assert_true(status_of(0).account.used_ns >= used);
}

static void another_share_takes_effect_on_the_same_vm(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	model.nodes[1].share.weight = 2;
	slots_apply(&slots, &model, bindings);
	assert_int_equal(n_opens, opens);
	assert_int_equal(status_of(0).account.part.ppm, 500000);
	assert_int_equal(status_of(1).account.part.ppm, 250000);
}

static void a_vm_that_goes_is_let_go(void **state)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	struct slots_status all;
	size_t n;

	(void)state;
	bindings[2].bound = false;
	slots_apply(&slots, &model, bindings);
	assert_false(fake[1].placed);
	assert_false(fake[1].closed);
	assert_int_equal(slots_snapshot(slots, &all, &vms, &n), 0);
	assert_int_equal(n, 2);
	assert_null(slots_vm_status_find(vms, n, FAKE_PID + 1));
}

static void a_process_of_the_same_number_is_another_vm(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	bindings[2].start_time++;
	slots_apply(&slots, &model, bindings);
	assert_int_equal(n_opens, opens + 1);
	assert_true(fake[1].placed);
	assert_true(status_of(1).takes_part);
}

static void a_vm_whose_cgroup_vanished_is_placed_again(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	fake[1].gone = true;
	let_pass(5);
	slots_audit(slots, false);
	assert_int_equal(n_opens, opens + 1);
	assert_true(status_of(1).takes_part);
	assert_non_null(strstr(logged, "process 5001: its cgroup vanished; finding it a place again"));
	let_pass(5);
	slots_audit(slots, false);
	assert_int_equal(n_opens, opens + 1);
}

/* What it had is given back once. */
static void a_vm_that_finds_no_other_place_takes_no_part(void **state)
{
	(void)state;
	fake[1].gone = fake[1].refused = true;
	let_pass(5);
	slots_audit(slots, false);
	slots_audit(slots, true);
	assert_false(status_of(1).takes_part);
	assert_int_equal(fake[1].removed, 1);
}

static void a_vm_without_a_gate_is_put_back(void **state)
{
	(void)state;
	slots = slots_close(slots);
	fake[1].gateless = true;
	prepare_and_apply();
	assert_false(status_of(1).takes_part);
	assert_string_equal(status_of(1).why, "no gate for process 5001");
	assert_false(fake[1].placed);
}

static void a_vm_that_was_moved_is_placed_again(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	fake[1].moved = true;
	slots_audit(slots, false); /* only every now and then */
	assert_int_equal(n_opens, opens);
	slots_audit(slots, true);
	assert_int_equal(n_opens, opens + 1);
	assert_non_null(strstr(logged, "process 5001: another program moved it to another cgroup"));
	slots_audit(slots, true);
	assert_int_equal(n_opens, opens + 1);
}

static void a_vm_that_is_held_says_so(void **state)
{
	bool told = false;

	(void)state;
	fake[1].held = true;
	for (int i = 0; i < 10000 && !told; i++) { /* it shows only in the VM's turn */
		nap_us(1000);
		slots_audit(slots, false);
		told = strstr(logged, "VM vm1: another program has frozen its cgroup") != NULL;
	}
	assert_true(told);
	assert_true(status_of(1).takes_part);
	assert_non_null(strstr(status_of(1).why, "another program has frozen"));
}

/* A kernel thread in the VM's cgroup keeps it from saying so. */
static void a_vm_that_is_held_from_above_says_so(void **state)
{
	bool told = true;

	(void)state;
	fake[1].held_above = true;
	slots_audit(slots, true);
	assert_non_null(strstr(logged, "VM vm1: another program has frozen its cgroup"));
	for (int i = 0; i < 100; i++) {
		nap_us(1000);
		slots_audit(slots, false);
		assert_non_null(strstr(status_of(1).why, "another program has frozen"));
	}
	fake[1].held_above = false;
	for (int i = 0; i < 10000 && told; i++) {
		nap_us(1000);
		slots_audit(slots, false);
		told = status_of(1).why[0];
	}
	assert_false(told);
}

static void workers_that_nothing_pauses_are_told(void **state)
{
	(void)state;
	bindings[1].vhost = VMM_VHOST_NO;
	bindings[2].vhost = VMM_VHOST_YES;
	fake[1].workers = 2;
	fake[1].worker_ns = 70 * NSEC_PER_MSEC;
	logged[0] = '\0';
	slots_apply(&slots, &model, bindings);
	assert_non_null(strstr(logged, "VM vm1: vhost goes on sending for it while it is paused"));
	assert_null(strstr(logged, "VM vm0"));
	assert_true(status_of(1).takes_part);
	assert_int_equal(status_of(1).unpaused_workers, 2);
	assert_int_equal(status_of(1).unpaused_ns, 140 * NSEC_PER_MSEC);
	assert_int_equal(status_of(0).unpaused_workers, 0);
	logged[0] = '\0';
	for (int i = 0; i < 100; i++) {
		nap_us(1000);
		slots_audit(slots, true);
	}
	assert_string_equal(logged, ""); /* once */
	assert_non_null(strstr(status_of(1).why, "vhost goes on sending"));
}

static void a_quota_holds_workers_of_its_cgroup(void **state)
{
	(void)state;
	bindings[2].vhost = VMM_VHOST_YES;
	fake[1].workers = 1;
	model.schedule.gate = GATE_QUOTA;
	model.schedule.slot_ns = 50 * NSEC_PER_MSEC;
	prepare_and_apply();
	assert_int_equal(status_of(1).unpaused_workers, 0);
	assert_string_equal(status_of(1).why, "");
	fake[1].moved = true; /* the worker, by this, is in another cgroup */
	assert_int_equal(status_of(1).unpaused_workers, 1);
}

static void without_a_guard_all_run_until_there_is_one(void **state)
{
	(void)state;
	guard_dead = guard_hopeless = true;
	slots_audit(slots, false);
	assert_non_null(strstr(logged, "divvy-guard is gone and cannot be started"));
	assert_false(fake[0].closed || fake[1].closed || fake[2].closed);
	logged[0] = '\0';
	slots_audit(slots, false);
	assert_string_equal(logged, "");
	guard_hopeless = false;
	slots_audit(slots, false);
	/* The thread may be between closing one gate and opening another. */
	for (int i = 0; i < 1000 && fake[0].closed + fake[1].closed + fake[2].closed != 2; i++)
		nap_us(1000);
	assert_int_equal(fake[0].closed + fake[1].closed + fake[2].closed, 2);
}

static void another_gate_opens_every_vm_anew(void **state)
{
	unsigned opens = n_opens;

	(void)state;
	model.schedule.gate = GATE_QUOTA;
	model.schedule.slot_ns = 50 * NSEC_PER_MSEC;
	prepare_and_apply();
	assert_int_equal(n_opens, opens + 3);
	assert_int_equal(n_guards, 1);
	for (int i = 0; i < 3; i++) {
		assert_true(status_of(i).takes_part);
		assert_int_equal(fake[i].gate, GATE_QUOTA);
	}
	let_pass(2);
}

static void what_a_gate_cannot_do_is_refused(void **state)
{
	struct schedule s = model.schedule;

	(void)state;
	s.slot_ns = GATE_FREEZE_SLOT_MIN_NS - 1;
	assert_int_equal(slots_prepare(&slots, &s, "/run/divvy", why), -EINVAL);
	assert_non_null(strstr(why, "too short for gate freeze"));
	s = model.schedule;
	strcpy(s.policy, "none");
	assert_int_equal(slots_check(&s, why), -EINVAL);
	assert_string_equal(why, "unknown policy \"none\"");
	let_pass(2); /* the present slots go on */
}

static void nothing_is_opened_where_the_host_cannot(void **state)
{
	(void)state;
	begin_vms(1);
	no_cgroups = true;
	assert_int_equal(slots_prepare(&slots, &model.schedule, "/run/divvy", why), -ENOENT);
	assert_non_null(strstr(why, "no control groups"));
	assert_null(slots);
	no_cgroups = false;
	no_guard = true;
	assert_int_equal(slots_prepare(&slots, &model.schedule, "/run/divvy", why), -ENOENT);
	assert_non_null(strstr(why, "cannot start divvy-guard"));
	assert_null(slots);
	slots_apply(&slots, &model, bindings);
	assert_null(slots);
}

static void devices_need_no_slots(void **state)
{
	struct schedule devices = { .resource = RESOURCE_DEVICE };

	(void)state;
	begin_vms(1);
	assert_int_equal(slots_prepare(&slots, &devices, "/run/divvy", why), 0);
	assert_null(slots);
	prepare_and_apply();
	assert_non_null(slots);
	model.schedule.resource = RESOURCE_DEVICE;
	prepare_and_apply();
	assert_null(slots);
}

static void turns_are_told(void **state)
{
	_cleanup_free_ struct slots_turn *turns = NULL;
	uint64_t since = clock_now_ns();
	size_t n;

	(void)state;
	let_pass(10);
	assert_int_equal(slots_turns(slots, since, &turns, &n), 0);
	assert_true(n >= 8);
	for (size_t i = 1; i < n; i++) {
		assert_true(turns[i].start_ns >= turns[i - 1].end_ns); /* one lane */
		assert_true(turns[i].end_ns > turns[i].start_ns);
	}
}

static void what_a_dead_divvyd_left_is_recovered(void **state)
{
	(void)state;
	fakes_reset();
	fake[0].placed = true;
	recover_error = -EIO;
	assert_int_equal(slots_recover(false), -EIO);
	assert_int_equal(slots_recover(true), -EIO);
	assert_int_equal(lines_of("not every VM that an earlier divvyd left paused could be let run"), 1);
	recover_error = 0;
	assert_int_equal(slots_recover(true), 0);
	assert_int_equal(n_recovered, 3);
	assert_false(fake[0].placed);
	assert_non_null(strstr(logged, "2 VMs left paused by an earlier divvyd run again"));
	assert_int_equal(n_reserve, 0);
}

static void a_thousand_vms_are_told_of_fast(void **state)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	struct slots_status all;
	uint64_t t;
	size_t n;

	(void)state;
	begin_vms(1000);
	prepare_and_apply();
	t = clock_now_ns();
	assert_int_equal(slots_snapshot(slots, &all, &vms, &n), 0);
	t = clock_now_ns() - t;
	assert_int_equal(n, 1000);
	print_message("# status of 1,000 VMs: %.2f ms, with sanitizers\n", (double)t / NSEC_PER_MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vms_take_part, begin, end),
		cmocka_unit_test_setup_teardown(a_snapshot_is_of_one_moment, begin, end),
		cmocka_unit_test_setup_teardown(a_pause_that_lasts_is_told, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_cannot_take_part_says_why_once, begin, end),
		cmocka_unit_test_setup_teardown(the_same_vms_go_on_as_they_are, begin, end),
		cmocka_unit_test_setup_teardown(another_share_takes_effect_on_the_same_vm, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_goes_is_let_go, begin, end),
		cmocka_unit_test_setup_teardown(a_process_of_the_same_number_is_another_vm, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_whose_cgroup_vanished_is_placed_again, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_finds_no_other_place_takes_no_part, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_without_a_gate_is_put_back, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_was_moved_is_placed_again, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_is_held_says_so, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_that_is_held_from_above_says_so, begin, end),
		cmocka_unit_test_setup_teardown(workers_that_nothing_pauses_are_told, begin, end),
		cmocka_unit_test_setup_teardown(a_quota_holds_workers_of_its_cgroup, begin, end),
		cmocka_unit_test_setup_teardown(without_a_guard_all_run_until_there_is_one, begin, end),
		cmocka_unit_test_setup_teardown(another_gate_opens_every_vm_anew, begin, end),
		cmocka_unit_test_setup_teardown(what_a_gate_cannot_do_is_refused, begin, end),
		cmocka_unit_test_teardown(nothing_is_opened_where_the_host_cannot, end),
		cmocka_unit_test_teardown(devices_need_no_slots, end),
		cmocka_unit_test_setup_teardown(turns_are_told, begin, end),
		cmocka_unit_test(what_a_dead_divvyd_left_is_recovered),
		cmocka_unit_test_teardown(a_thousand_vms_are_told_of_fast, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
