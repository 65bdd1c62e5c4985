/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * However divvyd's stand-in ends or hangs, and whatever happens to the guard: all VMs run soon after. What is measured
 * is the guard: this test is a realtime process, and time counts from the moment at which the stand-in is dead. On a
 * machine with other work SIGKILL may take its time.
 */

#include "guard_rig.h"

#include "base/file.h"

#include <sched.h>
#include <sys/stat.h>

#define ROUNDS 100

/* Until no VM is paused; nanoseconds, or UINT64_MAX. */
static uint64_t until_all_run(uint64_t since)
{
	while (paused_vms()) {
		if (now_ns() > since + 2 * NSEC_PER_SEC)
			return UINT64_MAX;
		nap_us(100);
	}
	return now_ns() - since;
}

static void expect_runs(uint64_t since, uint64_t limit_ns)
{
	uint64_t took = until_all_run(since);

	if (took > limit_ns)
		print_message("# all run after %.1f ms\n", (double)took / 1e6);
	assert_true(took <= limit_ns);
}

/* When it was dead: its descriptors are closed by then. */
static uint64_t kill_stand_in(const struct stand_in *s)
{
	siginfo_t info;

	kill(s->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT), 0);
	return now_ns();
}

static void all_run_after_sigkill_at_any_moment(void **state)
{
	uint64_t worst = 0, sum = 0;
	unsigned int seed = 7;
	int had_paused = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct stand_in s = start(SLOTS, 50);
		uint64_t t, took;

		nap_us(rand_r(&seed) % 20000);
		had_paused += paused_vms() > 0;
		t = kill_stand_in(&s);
		took = until_all_run(t);
		reap(&s);
		assert_int_equal(paused_vms(), 0);
		worst = took > worst ? took : worst;
		sum += took;
	}
	print_message(
		"# %d SIGKILLs: all run after %.2f ms on average, %.2f ms at worst; %d met paused VMs\n",
		ROUNDS, (double)sum / ROUNDS / 1e6, (double)worst / 1e6, had_paused);
	assert_true(had_paused > ROUNDS / 4);
	assert_true(worst < 100 * NSEC_PER_MSEC);
}

static void all_run_after_abort(void **state)
{
	struct stand_in s = start(PAUSE_ALL_AND_ABORT, 0);

	(void)state;
	expect_runs(now_ns(), 500 * NSEC_PER_MSEC); /* a core dump may take its time */
	reap(&s);
}

static void a_killed_guard_is_replaced(void **state)
{
	struct stand_in s = start(SLOTS, 0);
	uint64_t t = now_ns();

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct guard *g = NULL;
		pid_t first;

		assert_int_equal(guard_open(&g, socket_path, program), 0);
		first = guard_pid(g);
		kill(first, SIGKILL);
		assert_int_equal(poll(&(struct pollfd){ .fd = guard_fd(g), .events = POLLIN }, 1, 1000), 1);
		assert_int_equal(guard_repair(g), 0);
		assert_int_not_equal(guard_pid(g), first);
		assert_int_equal(guard_repair(g), 0);
		await_guard_in_use(guard_pid(g)); /* the stand-in repairs between two slots */
		guard_close(g);
	}
	print_message("# 5 guards killed and replaced in %.1f ms\n", (double)(now_ns() - t) / 1e6);
	expect_runs(kill_stand_in(&s), 100 * NSEC_PER_MSEC);
	reap(&s);
}

static void both_killed_is_recovered_from_the_marks(void **state)
{
	struct stand_in s = start(PAUSE_ALL, 0);
	char command[PATH_MAX + CGROUP_PATH_SIZE];

	(void)state;
	kill(s.guard, SIGKILL);
	reap(&s);
	assert_int_equal(paused_vms(), VMS);
	for (int i = 0; i < VMS; i++) { /* elsewhere others may be at work */
		snprintf(command, sizeof(command), "%s --recover '%s' 2>/dev/null", program, place[i].dir);
		assert_int_equal(system(command), 0);
	}
	assert_int_equal(paused_vms(), 0);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/*
 * A control file that refuses (here a folder has its name): the guard remembers the VM, tries again, and stays for
 * that although divvyd is gone. Then it ends.
 */
static void what_cannot_be_let_run_is_tried_again(void **state)
{
	char control[128], other[128], socket[128], text[16] = "";
	struct gate_undo undo = { .value = "0" };
	struct guard *g = NULL;
	pid_t guard;

	(void)state;
	snprintf(control, sizeof(control), "%s/cgroup.freeze", dir);
	snprintf(undo.path, sizeof(undo.path), "%s", control);
	snprintf(socket, sizeof(socket), "%s/retry.sock", dir);
	assert_int_equal(mkdir(control, 0700), 0);
	assert_int_equal(guard_open(&g, socket, program), 0);
	guard = guard_pid(g);
	guard_set(g, guard_add(g, &undo), true);
	guard_close(g);
	nap_us(2500000); /* longer than it would linger */
	assert_int_equal(kill(guard, 0), 0);
	/* In one step: a file that is not there is a cgroup that is gone. */
	snprintf(other, sizeof(other), "%s/file", dir);
	close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(renameat2(AT_FDCWD, other, AT_FDCWD, control, RENAME_EXCHANGE), 0);
	assert_int_equal(rmdir(other), 0);
	for (int i = 0; i < 1000 && file_read(AT_FDCWD, control, text, sizeof(text)) <= 0; i++)
		nap_us(3000);
	assert_string_equal(text, "0");
	for (int i = 0; i < 2000 && exists(socket); i++)
		nap_us(3000);
	assert_false(exists(socket));
	unlink(control);
	strcat(socket, ".lock");
	unlink(socket);
}

static void a_hanging_holder_counts_as_dead(void **state)
{
	struct stand_in s = start(SLOTS, 200);
	uint64_t t;

	(void)state;
	nap_us(20000);
	do { /* stop it where VMs are paused */
		kill(s.pid, SIGCONT);
		nap_us(1500);
		kill(s.pid, SIGSTOP);
	} while (paused_vms() == 0);
	t = now_ns();
	expect_runs(t, 500 * NSEC_PER_MSEC);
	assert_true(now_ns() - t > 100 * NSEC_PER_MSEC);
	reap(&s);
}

static void a_guard_that_is_told_to_end_lets_run(void **state)
{
	struct stand_in s = start(PAUSE_ALL, 0);

	(void)state;
	assert_int_equal(paused_vms(), VMS);
	kill(s.guard, SIGTERM);
	expect_runs(now_ns(), 100 * NSEC_PER_MSEC);
	reap(&s);
}

static void one_holder_s_death_leaves_the_other_s(void **state)
{
	struct stand_in s = start(PAUSE_ALL, 0);
	struct guard *other = NULL;
	struct gate_undo undo = { .value = "0" };
	int slot;

	(void)state;
	assert_int_equal(guard_open(&other, socket_path, program), 0);
	assert_int_equal(guard_pid(other), s.guard);
	snprintf(undo.path, sizeof(undo.path), "%s/nowhere/cgroup.freeze", dir);
	slot = guard_add(other, &undo);
	assert_int_equal(slot, 0);
	guard_set(other, slot, true);
	guard_close(other);
	nap_us(20000);
	assert_int_equal(paused_vms(), VMS);
	reap(&s);
	expect_runs(now_ns(), 100 * NSEC_PER_MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_run_after_sigkill_at_any_moment),
		cmocka_unit_test(all_run_after_abort),
		cmocka_unit_test(a_killed_guard_is_replaced),
		cmocka_unit_test(both_killed_is_recovered_from_the_marks),
		cmocka_unit_test(a_hanging_holder_counts_as_dead),
		cmocka_unit_test(a_guard_that_is_told_to_end_lets_run),
		cmocka_unit_test(one_holder_s_death_leaves_the_other_s),
		cmocka_unit_test(what_cannot_be_let_run_is_tried_again),
	};

	need_freezer();
	/* Its children do not inherit it. */
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &(struct sched_param){ .sched_priority = 2 });
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("guard_death", tests, make_vms, end_vms);
}
