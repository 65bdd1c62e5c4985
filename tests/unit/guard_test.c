/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * divvy-guard against the deaths of divvyd's stand-in ("the holder": a process that pauses real busy
 * processes slot by slot) and of the guard itself. Needs root.
 */
#include "daemon/guard.h"

#include "core/cleanup.h"
#include "core/types.h"
#include "guard/abi.h"
#include "kernel/guard_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

#define VMS 3
#define ROUNDS 100

static struct cgroup_host host;
static const struct gate_ops *ops;
static char program[PATH_MAX], dir[] = "/tmp/divvy-guard-XXXXXX", socket_path[64];
static pid_t vm[VMS];
static struct place place[VMS];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void nap_us(long us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 }, NULL);
}

/* What the kernel says of a VM's own cgroup, whoever paused it. */
static bool is_paused(int i)
{
	char path[CGROUP_PATH_SIZE + 32], text[64] = "";
	bool v2 = place[i].tree == CGROUP_V2;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", place[i].dir, v2 ? "cgroup.freeze" : "freezer.state");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return v2 ? text[0] == '1' : strncmp(text, "THAWED", 6) != 0;
}

static int paused_vms(void)
{
	int n = 0;

	for (int i = 0; i < VMS; i++)
		n += is_paused(i);
	return n;
}

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

/* --- divvyd's stand-in ------------------------------------------------------------------------------ */

struct holding {
	struct guard *guard;
	struct gate gate[VMS];
	int slot[VMS];
};

static void hold_all(struct holding *h, uint32_t stall_ms)
{
	char why[PLACE_WHY_SIZE];

	if (guard_open(&h->guard, socket_path, program) < 0)
		_exit(10);
	guard_set_stall(h->guard, stall_ms);
	for (int i = 0; i < VMS; i++) {
		if (gate_open(&h->gate[i], ops, &place[i], why) < 0)
			_exit(11);
		h->slot[i] = guard_add(h->guard, &h->gate[i].undo);
		if (h->slot[i] < 0)
			_exit(12);
	}
}

static void pause_vm(struct holding *h, int i)
{
	guard_set(h->guard, h->slot[i], true);
	if (gate_pause(&h->gate[i]) < 0)
		_exit(13);
}

static void run_vm(struct holding *h, int i)
{
	if (gate_run(&h->gate[i]) < 0)
		_exit(14);
	guard_set(h->guard, h->slot[i], false);
}

/* Slots of 1 ms: one VM runs, the others are paused. */
static void slots(struct holding *h)
{
	for (int turn = 0;; turn++) {
		for (int i = 0; i < VMS; i++)
			if (i == turn % VMS)
				run_vm(h, i);
			else
				pause_vm(h, i);
		guard_beat(h->guard, now_ns());
		if (guard_repair(h->guard) < 0)
			_exit(15);
		nap_us(1000);
	}
}

struct stand_in {
	pid_t pid;
	int said; /* a pid_t of its guard comes out of it, once all is set up */
	pid_t guard;
};

enum part { SLOTS, PAUSE_ALL, PAUSE_ALL_AND_ABORT };

static struct stand_in start(enum part part, uint32_t stall_ms)
{
	struct stand_in s = { 0 };
	int said[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		struct holding h = { 0 };
		pid_t guard;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		hold_all(&h, stall_ms);
		guard = guard_pid(h.guard);
		guard_beat(h.guard, now_ns());
		for (int i = 0; i < VMS && part != SLOTS; i++)
			pause_vm(&h, i);
		if (write(said[1], &guard, sizeof(guard)) != sizeof(guard))
			_exit(16);
		if (part == SLOTS)
			slots(&h);
		if (part == PAUSE_ALL_AND_ABORT) {
			signal(SIGABRT, SIG_DFL);
			kill(getpid(), SIGABRT);
		}
		for (;;)
			pause();
	}
	close(said[1]);
	s.said = said[0];
	assert_int_equal(read(s.said, &s.guard, sizeof(s.guard)), sizeof(s.guard));
	return s;
}

static void reap(struct stand_in *s)
{
	close(s->said);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* Marks that a killed stand-in leaves: the next gate_open() sets them anew. */
static void expect_runs(uint64_t since, uint64_t limit_ns)
{
	uint64_t took = until_all_run(since);

	if (took > limit_ns)
		print_message("# all run after %.1f ms\n", (double)took / 1e6);
	assert_true(took <= limit_ns);
}

/* --- tests ----------------------------------------------------------------------------------------- */

static void all_run_after_sigkill_at_any_moment(void **state)
{
	struct sched_param prio = { .sched_priority = 2 }, none = { 0 };
	uint64_t worst = 0, sum = 0;
	unsigned int seed = 7;
	int had_paused = 0;

	(void)state;
	/* what is measured is the guard, not when this test gets a CPU; its children are not to inherit it */
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &prio);
	for (int round = 0; round < ROUNDS; round++) {
		struct stand_in s = start(SLOTS, 50);
		uint64_t t, took;

		nap_us(rand_r(&seed) % 20000);
		t = now_ns();
		kill(s.pid, SIGKILL);
		had_paused += paused_vms() > 0;
		took = until_all_run(t);
		reap(&s);
		assert_int_equal(paused_vms(), 0);
		worst = took > worst ? took : worst;
		sum += took;
	}
	print_message(
		"# %d SIGKILLs: all run after %.2f ms on average, %.2f ms at worst; %d met paused VMs\n",
		ROUNDS, (double)sum / ROUNDS / 1e6, (double)worst / 1e6, had_paused);
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
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
		guard_close(g);
		nap_us(3000); /* the stand-in repairs between two slots */
	}
	print_message("# 5 guards killed and replaced in %.1f ms\n", (double)(now_ns() - t) / 1e6);
	nap_us(20000);
	t = now_ns();
	kill(s.pid, SIGKILL);
	expect_runs(t, 100 * NSEC_PER_MSEC);
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

/* A guard's cgroups: those that it is in, and those that nobody is in. Another divvyd's guard may be in some. */
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

/* --- fixture --------------------------------------------------------------------------------------- */

static int make_vms(void **state)
{
	char why[PLACE_WHY_SIZE] = "";

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/guard.sock", dir);
	for (int i = 0; i < VMS; i++) {
		char name[16];

		vm[i] = fork();
		if (vm[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) /* busy, but not all the time: others use this machine */
				for (volatile int k = 0; k < 100000; k++)
					if (k == 99999)
						nap_us(300);
		}
		snprintf(name, sizeof(name), "guard_test%d", i);
		if (place_find(&host, ops->tree(&host), vm[i], name, ops->controller, &place[i], why) ||
		    place_enter(&host, &place[i], ops->controller, why)) {
			print_message("# %s\n", why);
			return -1;
		}
	}
	return 0;
}

static int end_vms(void **state)
{
	struct guard *g = NULL;
	char path[128];

	(void)state;
	if (guard_open(&g, socket_path, program) == 0) {
		kill(guard_pid(g), SIGTERM);
		poll(&(struct pollfd){ .fd = guard_fd(g), .events = POLLIN }, 1, 1000);
		guard_close(g);
	}
	for (int i = 0; i < VMS; i++) {
		uint64_t deadline = now_ns() + NSEC_PER_SEC;

		gate_recover_below(place[i].dir);
		kill(vm[i], SIGKILL);
		waitpid(vm[i], NULL, 0);
		while (place_leave(&place[i]) == -EBUSY && now_ns() < deadline)
			;
	}
	snprintf(path, sizeof(path), "%s.lock", socket_path);
	unlink(path);
	unlink(socket_path);
	return rmdir(dir);
}

static void find_program(void)
{
	const char *given = getenv("DIVVY_GUARD");
	ssize_t k = readlink("/proc/self/exe", program, sizeof(program) - 64);

	program[k > 0 ? k : 0] = '\0';
	for (int i = 0; i < 3 && strrchr(program, '/'); i++) /* build/tests/unit/guard_test */
		*strrchr(program, '/') = '\0';
	strcat(program, "/divvy-guard");
	if (given)
		snprintf(program, sizeof(program), "%s", given);
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
		cmocka_unit_test(only_what_is_marked_is_touched),
		cmocka_unit_test(it_stands_in_a_cgroup_of_its_own),
		cmocka_unit_test(it_ends_with_its_holder_and_leaves_no_cgroup),
		cmocka_unit_test(what_a_killed_guard_leaves_is_swept),
		cmocka_unit_test(strangers_are_shown_the_door),
		cmocka_unit_test(no_program_no_guard),
		cmocka_unit_test(the_table_has_an_end),
	};

	ops = gate_find("freeze");
	if (geteuid() != 0 || cgroup_probe("", &host) < 0 || ops->tree(&host) == CGROUP_TREES) {
		printf("1..0 # SKIP needs root and a freezer\n");
		return 0;
	}
	find_program();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("guard", tests, make_vms, end_vms);
}
