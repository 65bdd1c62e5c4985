/* SPDX-License-Identifier: GPL-2.0-or-later */

/* divvy-guard's own ways: what it touches, the cgroups it stands in, whom it serves. */

#include "guard_rig.h"

#include "base/cleanup.h"
#include "guard/abi.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void only_what_is_marked_is_touched(void **state)
{
	struct guard *g = NULL;
	struct gate_undo undo = { .value = "touched" };
	struct stat st;

	(void)state;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "cpu.max", "cgroup.freeze", "passwd" };
		int fd, slot;

		snprintf(undo.path, sizeof(undo.path), "%s/%s", dir, names[i]);
		fd = open(undo.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
		slot = guard_add(g, &undo);
		assert_int_equal(slot, i);
		guard_set(g, slot, i != 1);
	}
	guard_close(g);
	/* a later holder is served after the earlier one's end was dealt with */
	g = NULL;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	guard_close(g);
	snprintf(undo.path, sizeof(undo.path), "%s/cpu.max", dir);
	assert_int_equal(stat(undo.path, &st), 0);
	assert_int_equal(st.st_size, 7);
	unlink(undo.path);
	snprintf(undo.path, sizeof(undo.path), "%s/cgroup.freeze", dir);
	assert_int_equal(stat(undo.path, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(undo.path);
	snprintf(undo.path, sizeof(undo.path), "%s/passwd", dir);
	assert_int_equal(stat(undo.path, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(undo.path);
}

static void it_stands_in_a_cgroup_of_its_own(void **state)
{
	struct guard *g = NULL;
	char of[CGROUP_PATH_SIZE];

	(void)state;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	for (enum cgroup_tree t = 0; t < CGROUP_TREES; t++) {
		char want[CGROUP_PATH_SIZE + 16];

		if (!*host.mount[t])
			continue;
		assert_int_equal(cgroup_of(&host, t, guard_pid(g), of), 0);
		snprintf(want, sizeof(want), "%s/divvy.guard", host.mount[t]);
		assert_string_equal(of, want);
	}
	guard_close(g);
}

/* In its cgroup, too, whose kernel may give new groups no realtime. */
static void it_is_a_realtime_process(void **state)
{
	struct sched_param prio = { .sched_priority = 1 }, none = { 0 };
	struct guard *g = NULL;

	(void)state;
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &prio) < 0) {
		print_message("# skipped: no process may be a realtime process here\n");
		skip();
	}
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	assert_int_equal(sched_getscheduler(guard_pid(g)), SCHED_FIFO | SCHED_RESET_ON_FORK);
	guard_close(g);
}

/*
 * A guard's cgroups: those that it is in, and those that nobody is in. Another divvyd's guard may be in some.
 */
static void count_groups(pid_t guard, int *its, int *empty)
{
	*its = *empty = 0;
	for (enum cgroup_tree t = 0; t < CGROUP_TREES; t++) {
		char path[CGROUP_PATH_SIZE + 16];
		_cleanup_free_ pid_t *pids = NULL;
		size_t n = 0;

		snprintf(path, sizeof(path), "%s/divvy.guard", host.mount[t]);
		if (!*host.mount[t] || cgroup_processes(path, &pids, &n) < 0)
			continue;
		*empty += n == 0;
		for (size_t i = 0; i < n; i++)
			*its += pids[i] == guard;
	}
}

/* Until the guard is in none. How many are empty then. */
static int left_by(pid_t guard)
{
	uint64_t deadline = now_ns() + 5 * NSEC_PER_SEC;
	int its, empty;

	do {
		nap_us(1000);
		count_groups(guard, &its, &empty);
	} while (its && now_ns() < deadline);
	assert_int_equal(its, 0);
	return empty;
}

static void it_ends_with_its_holder_and_leaves_no_cgroup(void **state)
{
	struct stand_in s = start(PAUSE_ALL, 0);
	struct guard *g = NULL;

	(void)state;
	reap(&s);
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	assert_int_equal(guard_pid(g), s.guard); /* it waited for the next holder */
	guard_close(g);
	left_by(s.guard);
	nap_us(200000); /* out of it, then it removes it */
	assert_int_equal(left_by(s.guard), 0);
}

static void what_a_killed_guard_leaves_is_swept(void **state)
{
	struct guard *g = NULL, *other = NULL;
	char path[CGROUP_PATH_SIZE + 16];
	pid_t guard;

	(void)state;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	guard = guard_pid(g);
	kill(guard, SIGKILL);
	left_by(guard);
	guard_close(g);
	snprintf(path, sizeof(path), "%s/divvy.guard", host.mount[ops->tree(&host)]);
	assert_int_equal(access(path, F_OK), 0);
	guard_cgroup_sweep();
	assert_int_equal(left_by(guard), 0);
	assert_int_equal(guard_open(&other, socket_path, program), 0);
	guard_cgroup_sweep();
	it_stands_in_a_cgroup_of_its_own(state);
	guard_close(other);
}

static void strangers_are_shown_the_door(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct guard_hello hello = { GUARD_MAGIC, GUARD_VERSION + 1 };
	struct guard *g = NULL;
	char c;
	int fd;

	(void)state;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	strcpy(a.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, &hello, sizeof(hello), 0), sizeof(hello)); /* no table */
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
	assert_int_equal(guard_repair(g), 0); /* and serves on */
	guard_close(g);
}

static void no_program_no_guard(void **state)
{
	struct guard *g = (struct guard *)0x10;
	char nowhere[96];

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%s/none.sock", dir);
	assert_int_equal(guard_open(&g, nowhere, "/nonexistent/divvy-guard"), -ENOENT);
	assert_int_equal(guard_open(&g, nowhere, "/bin/false"), -ECHILD);
	assert_ptr_equal(g, (struct guard *)0x10);
}

static void the_table_has_an_end(void **state)
{
	struct guard *g = NULL;
	struct gate_undo undo = { .path = "/x", .value = "0" };

	(void)state;
	assert_int_equal(guard_open(&g, socket_path, program), 0);
	for (int i = 0; i < GUARD_RECORDS; i++)
		assert_int_equal(guard_add(g, &undo), i);
	assert_int_equal(guard_add(g, &undo), -ENOSPC);
	guard_remove(g, 17);
	assert_int_equal(guard_add(g, &undo), 17);
	guard_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_marked_is_touched),
		cmocka_unit_test(it_stands_in_a_cgroup_of_its_own),
		cmocka_unit_test(it_is_a_realtime_process),
		cmocka_unit_test(it_ends_with_its_holder_and_leaves_no_cgroup),
		cmocka_unit_test(what_a_killed_guard_leaves_is_swept),
		cmocka_unit_test(strangers_are_shown_the_door),
		cmocka_unit_test(no_program_no_guard),
		cmocka_unit_test(the_table_has_an_end),
	};

	need_freezer();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("guard", tests, make_vms, end_vms);
}
