/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gates on real cgroups and real busy processes: a paused one uses no CPU time. Needs root; what the host has
 * no hierarchy for is skipped with the reason.
 */
#include "kernel/gate.h"

#include "core/cleanup.h"
#include "core/types.h"
#include "kernel/cputime.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static struct cgroup_host host;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void *spin(void *arg)
{
	for (volatile unsigned long i = 0;; i++)
		;
	return arg;
}

static pid_t start_busy(int threads)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, spin, NULL);
	}
	spin(NULL);
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A gate of one kind on one hierarchy, with a busy VM behind it. */
struct rig {
	const struct gate_ops *ops;
	enum cgroup_tree tree;
	pid_t pid;
	struct place place;
	struct gate gate;
	struct cputime cpu;
};

static const struct kind {
	const char *gate;
	enum cgroup_tree tree;
	const char *what;
} kinds[] = {
	{ "freeze", CGROUP_V2, "freeze, v2" },
	{ "freeze", CGROUP_V1_FREEZER, "freeze, v1" },
	{ "quota", CGROUP_V2, "quota, v2" },
	{ "quota", CGROUP_V1_CPU, "quota, v1" },
};

static bool available(const struct kind *k)
{
	bool yes = *host.mount[k->tree] &&
		   (k->tree != CGROUP_V2 || (strcmp(k->gate, "quota") ? host.v2_freeze : host.v2_cpu));

	if (!yes)
		print_message("# %s: not on this host (cgroup %s)\n", k->what, cgroup_mode(&host));
	return yes;
}

static void set_up(struct rig *r, const struct kind *k, int threads)
{
	char why[PLACE_WHY_SIZE] = "";

	*r = (struct rig){ .ops = gate_find(k->gate), .tree = k->tree, .pid = start_busy(threads) };
	if (place_find(&host, r->tree, r->pid, "gate_test", r->ops->controller, &r->place, why) ||
	    place_enter(&host, &r->place, r->ops->controller, why) ||
	    gate_open(&r->gate, r->ops, &r->place, why))
		fail_msg("%s: %s", k->what, why);
	assert_int_equal(cputime_open(&r->cpu, &host, &r->place), 0);
}

static void tear_down(struct rig *r)
{
	uint64_t deadline = now_ns() + NSEC_PER_SEC;
	int left;

	gate_close(&r->gate);
	cputime_close(&r->cpu);
	end(r->pid);
	do
		left = place_leave(&r->place);
	while (left == -EBUSY && now_ns() < deadline);
	assert_int_equal(left, 0);
	assert_int_not_equal(access(r->place.dir, F_OK), 0);
}

static uint64_t used(const struct rig *r)
{
	uint64_t ns;

	assert_int_equal(cputime_read(&r->cpu, &ns), 0);
	return ns;
}

static bool reaches(struct rig *r, enum gate_state want)
{
	uint64_t deadline = now_ns() + 2 * NSEC_PER_SEC;
	enum gate_state s;

	do
		assert_int_equal(gate_state(&r->gate, &s), 0);
	while (s != want && now_ns() < deadline);
	return s == want;
}

static bool makes_progress(struct rig *r)
{
	uint64_t deadline = now_ns() + 2 * NSEC_PER_SEC, before = used(r);

	while (used(r) < before + 20 * NSEC_PER_MSEC)
		if (now_ns() > deadline)
			return false;
	return true;
}

static void paused_means_no_cpu_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool quota = !strcmp(kinds[i].gate, "quota");
		uint64_t before, leaked, deadline;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 2);
		assert_true(makes_progress(&r));
		for (int round = 0; round < 3; round++) {
			assert_int_equal(gate_pause(&r.gate), 0);
			assert_true(reaches(&r, GATE_PAUSED));
			deadline = now_ns() + 2 * NSEC_PER_SEC;
			do {
				before = used(&r);
				nap_ms(100);
				leaked = used(&r) - before;
				/*
				 * A frozen thread is counted before its last schedule(), and a quota holds
				 * when each CPU has asked for runtime again: the first look may be early.
				 */
			} while (leaked > (quota ? 12 * NSEC_PER_MSEC : 0) && now_ns() < deadline);
			/* then 1 ms of each 100 ms period in v1, and what a tick overshoots */
			assert_true(leaked <= (quota ? 12 * NSEC_PER_MSEC : 0));
			assert_int_equal(gate_run(&r.gate), 0);
			assert_true(reaches(&r, GATE_RUNNING));
			assert_true(makes_progress(&r));
		}
		print_message("# %s: CPU time used in 100 ms of pause: %.3f ms; source %d\n", kinds[i].what,
			      (double)leaked / 1e6, (int)r.cpu.source);
		tear_down(&r);
	}
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void what_a_pair_costs(void **state)
{
	enum { N = 300 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t pair[N], stop[N], spent = 0;
		enum gate_state s;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		for (int k = 0; k < N; k++) {
			uint64_t t0, t1, t2, t3;

			nap_ms(3); /* a slot, in which it really runs */
			t0 = now_ns();
			assert_int_equal(gate_pause(&r.gate), 0);
			t1 = now_ns();
			do
				assert_int_equal(gate_state(&r.gate, &s), 0);
			while (s != GATE_PAUSED && now_ns() < t1 + NSEC_PER_SEC);
			t2 = now_ns();
			assert_int_equal(gate_run(&r.gate), 0);
			t3 = now_ns();
			pair[k] = t1 - t0 + t3 - t2;
			stop[k] = t2 - t0;
			spent += pair[k];
		}
		qsort(pair, N, sizeof(*pair), compare_u64);
		qsort(stop, N, sizeof(*stop), compare_u64);
		print_message("# %s: pause and run together %.1f us p50, %.1f p99; paused after %.1f us p50, "
			      "%.1f p99\n",
			      kinds[i].what, (double)pair[N / 2] / 1e3, (double)pair[N * 99 / 100] / 1e3,
			      (double)stop[N / 2] / 1e3, (double)stop[N * 99 / 100] / 1e3);
		/* v1 patches kernel code when the first is frozen and the last thawed: 33 ms on 6.1, TCG */
		assert_true(spent / N < 200 * NSEC_PER_MSEC);
		tear_down(&r);
	}
}

static void closing_lets_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		gate_close(&r.gate);
		gate_close(&r.gate);
		assert_true(makes_progress(&r));
		tear_down(&r);
	}
}

static void a_vanished_cgroup_gives_an_errno(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		enum gate_state s;
		struct rig r;
		uint64_t ns;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		if (r.tree == CGROUP_V1_FREEZER) /* v1 does not let a frozen process die */
			assert_int_equal(gate_run(&r.gate), 0);
		end(r.pid);
		assert_int_equal(place_leave(&r.place), 0);
		assert_int_equal(gate_run(&r.gate), -ENODEV);
		assert_int_equal(gate_pause(&r.gate), -ENODEV);
		assert_int_equal(gate_state(&r.gate, &s), -ENODEV);
		if (r.cpu.source == CPUTIME_PROCESS)
			assert_int_equal(cputime_read(&r.cpu, &ns), -ESRCH);
		else
			assert_int_equal(cputime_read(&r.cpu, &ns), -ENODEV);
		tear_down(&r);
	}
}

static void an_ancestor_paused_by_somebody_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char parent[CGROUP_PATH_SIZE], text[16], why[PLACE_WHY_SIZE] = "";
		bool v2 = kinds[i].tree == CGROUP_V2;
		struct rig r = { .ops = gate_find(kinds[i].gate), .tree = kinds[i].tree };
		pid_t other;

		if (strcmp(kinds[i].gate, "freeze") || !available(&kinds[i]))
			continue;
		snprintf(parent, sizeof(parent), "%s/divvytest-%d", host.mount[r.tree], (int)getpid());
		assert_int_equal(mkdir(parent, 0755), 0);
		r.pid = start_busy(1);
		other = start_busy(1);
		snprintf(text, sizeof(text), "%d", (int)r.pid);
		assert_int_equal(cgroup_write(parent, "cgroup.procs", text), 0);
		snprintf(text, sizeof(text), "%d", (int)other);
		assert_int_equal(cgroup_write(parent, "cgroup.procs", text), 0);
		assert_int_equal(place_find(&host, r.tree, r.pid, "held", NULL, &r.place, why), 0);
		assert_string_equal(r.place.home, parent);
		assert_int_equal(place_enter(&host, &r.place, NULL, why), 0);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		assert_int_equal(cputime_open(&r.cpu, &host, &r.place), 0);
		assert_int_equal(
			cgroup_write(parent, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "1" : "FROZEN"), 0);
		assert_true(reaches(&r, GATE_HELD));
		assert_int_equal(gate_run(&r.gate), 0);
		assert_true(reaches(&r, GATE_HELD));
		assert_int_equal(
			cgroup_write(parent, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "0" : "THAWED"), 0);
		assert_true(reaches(&r, GATE_RUNNING));
		tear_down(&r);
		end(other);
		assert_int_equal(rmdir(parent), 0);
	}
}

static void paused_by_somebody_else_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool v2 = kinds[i].tree == CGROUP_V2;
		char why[PLACE_WHY_SIZE] = "";
		struct gate second = { .control = 77 };
		struct rig r;

		if (strcmp(kinds[i].gate, "freeze") || !available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(cgroup_write(r.place.dir, v2 ? "cgroup.freeze" : "freezer.state",
					      v2 ? "1" : "FROZEN"),
				 0);
		assert_int_equal(gate_open(&second, r.ops, &r.place, why), -EBUSY);
		assert_non_null(strstr(why, "somebody else"));
		assert_int_equal(second.control, 77);
		tear_down(&r);
	}
}

static void after_a_crash_everything_runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct gate lost;
		struct rig r;
		char why[PLACE_WHY_SIZE];
		const char *below;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		lost = r.gate; /* as if divvyd had died: nobody closes it */
		below = r.place.dir; /* elsewhere others may be at work */
		assert_int_equal(gate_recover_below(below), 1);
		assert_true(makes_progress(&r));
		assert_int_equal(gate_recover_below(below), 0);
		close(lost.control);
		close(lost.events);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		tear_down(&r);
	}
}

/* Whoever may make cgroups can make paths that are longer than divvy's. */
static void a_path_too_long_stops_no_recovery(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char part[251], sub[2][1024], why[PLACE_WHY_SIZE];
		struct gate lost;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		memset(part, 'x', sizeof(part) - 1);
		part[sizeof(part) - 1] = '\0';
		snprintf(sub[0], sizeof(sub[0]), "%s/%s", r.place.dir, part);
		snprintf(sub[1], sizeof(sub[1]), "%.511s/%s", sub[0], part);
		assert_int_equal(mkdir(sub[0], 0755), 0);
		assert_int_equal(mkdir(sub[1], 0755), 0);
		assert_int_equal(gate_pause(&r.gate), 0);
		lost = r.gate; /* as above */
		assert_int_equal(gate_recover_below(r.place.dir), 1);
		assert_true(makes_progress(&r));
		rmdir(sub[1]);
		rmdir(sub[0]);
		close(lost.control);
		close(lost.events);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		tear_down(&r);
	}
}

/* What another process holds is no leftover while it lives, and is one when it is dead, buried or not. */
static void a_living_owner_s_are_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ struct place *list = NULL;
		enum gate_state s;
		siginfo_t ended;
		char c, why[PLACE_WHY_SIZE];
		pid_t owner;
		int ready[2];
		size_t n;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		gate_close(&r.gate);
		assert_int_equal(pipe(ready), 0);
		owner = fork();
		if (owner == 0) {
			struct gate theirs;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (place_enter(&host, &r.place, r.ops->controller, why) ||
			    gate_open(&theirs, r.ops, &r.place, why) || gate_pause(&theirs))
				_exit(1);
			(void)!write(ready[1], "r", 1);
			for (;;)
				pause();
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		assert_int_equal(gate_recover_below(r.place.dir), 0);
		assert_int_equal(place_list(&host, &list, &n), 0);
		for (size_t k = 0; k < n; k++)
			assert_string_not_equal(list[k].dir, r.place.dir);
		kill(owner, SIGKILL);
		assert_int_equal(waitid(P_PID, (id_t)owner, &ended, WEXITED | WNOWAIT), 0);
		assert_int_equal(gate_recover_below(r.place.dir), 1);
		waitpid(owner, NULL, 0);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		assert_int_equal(gate_state(&r.gate, &s), 0);
		assert_int_equal(s, GATE_RUNNING);
		tear_down(&r);
	}
}

static void quota_can_be_allotted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t t, before, got;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		if (strcmp(kinds[i].gate, "quota")) {
			assert_int_equal(gate_allot(&r.gate, 1, 1, 0), -EOPNOTSUPP);
			tear_down(&r);
			continue;
		}
		assert_int_equal(gate_allot(&r.gate, 1, 1, 0), -EINVAL);
		assert_int_equal(
			gate_allot(&r.gate, 20 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC, 5 * NSEC_PER_MSEC), 0);
		nap_ms(200);
		before = used(&r);
		t = now_ns();
		nap_ms(1000);
		got = (used(&r) - before) * 1000 / (now_ns() - t);
		print_message("# %s: 200 per mille allotted, %d used\n", kinds[i].what, (int)got);
		assert_true(got <= 260);
		tear_down(&r);
	}
}

static void gates_are_found_by_name(void **state)
{
	(void)state;
	assert_string_equal(gate_find("freeze")->name, "freeze");
	assert_string_equal(gate_find("quota")->name, "quota");
	assert_null(gate_find("Freeze"));
	for (const struct gate_ops *const *g = gate_table; *g; g++) {
		assert_true((*g)->slot_min_ns > 0);
		assert_non_null((*g)->slot_min_why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_are_found_by_name),
		cmocka_unit_test(paused_means_no_cpu_time),
		cmocka_unit_test(what_a_pair_costs),
		cmocka_unit_test(closing_lets_run),
		cmocka_unit_test(a_vanished_cgroup_gives_an_errno),
		cmocka_unit_test(an_ancestor_paused_by_somebody_else),
		cmocka_unit_test(paused_by_somebody_else_is_refused),
		cmocka_unit_test(a_path_too_long_stops_no_recovery),
		cmocka_unit_test(after_a_crash_everything_runs),
		cmocka_unit_test(a_living_owner_s_are_left_alone),
		cmocka_unit_test(quota_can_be_allotted),
	};

	if (geteuid() != 0 || cgroup_probe("", &host) < 0) {
		printf("1..0 # SKIP needs root and a cgroup hierarchy\n");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_gate", tests, NULL, NULL);
}
