/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Gates on real cgroups: a paused VM uses no CPU time. Gone wrong: kernel_gate_faults_test.c. */

#include "gate_rig.h"

#include <fcntl.h>

static void paused_means_no_cpu_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool quota = kinds[i].gate == GATE_QUOTA;
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
				nap_us(100000);
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

			nap_us(3000); /* a slot, in which it really runs */
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

/*
 * Somebody gave its cgroup a burst, above which no quota may be set: it can be paused, and has the burst
 * back.
 */
static void a_burst_is_no_hindrance(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool v2 = kinds[i].tree == CGROUP_V2;
		const char *burst = v2 ? "cpu.max.burst" : "cpu.cfs_burst_us";
		char why[PLACE_WHY_SIZE] = "", path[CGROUP_PATH_SIZE + 32], text[32] = "";
		struct rig r;
		int fd;

		if (kinds[i].gate != GATE_QUOTA || !available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		gate_close(&r.gate);
		assert_int_equal(cgroup_write(r.place.dir, v2 ? "cpu.max" : "cpu.cfs_quota_us", "100000"), 0);
		if (cgroup_write(r.place.dir, burst, "50000") == 0) { /* Linux 5.14 */
			assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
			for (int round = 0; round < 2; round++) {
				assert_int_equal(gate_pause(&r.gate), 0);
				assert_int_equal(gate_run(&r.gate), 0);
			}
			assert_int_equal(gate_pause(&r.gate), 0);
			gate_close(&r.gate);
			snprintf(path, sizeof(path), "%s/%s", r.place.dir, burst);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
			close(fd);
			assert_string_equal(text, "50000\n");
		}
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
		if (kinds[i].gate != GATE_QUOTA) {
			assert_int_equal(gate_allot(&r.gate, 1, 1, 0), -EOPNOTSUPP);
			tear_down(&r);
			continue;
		}
		assert_int_equal(gate_allot(&r.gate, 1, 1, 0), -EINVAL);
		assert_int_equal(
			gate_allot(&r.gate, 20 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC, 5 * NSEC_PER_MSEC), 0);
		nap_us(200000);
		before = used(&r);
		t = now_ns();
		nap_us(1000000);
		got = (used(&r) - before) * 1000 / (now_ns() - t);
		print_message("# %s: 200 per mille allotted, %d used\n", kinds[i].what, (int)got);
		assert_true(got <= 260);
		tear_down(&r);
	}
}

static void every_kind_has_a_gate(void **state)
{
	(void)state;
	assert_int_equal(gate_of(GATE_FREEZE)->kind, GATE_FREEZE);
	assert_int_equal(gate_of(GATE_QUOTA)->kind, GATE_QUOTA);
	for (const struct gate_ops *const *g = gate_table; *g; g++) {
		assert_true((*g)->slot_min_ns > 0);
		assert_non_null((*g)->slot_min_why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paused_means_no_cpu_time),
		cmocka_unit_test(what_a_pair_costs),
		cmocka_unit_test(closing_lets_run),
		cmocka_unit_test(a_burst_is_no_hindrance),
		cmocka_unit_test(quota_can_be_allotted),
		cmocka_unit_test(every_kind_has_a_gate),
	};

	need_cgroups();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_gate", tests, NULL, NULL);
}
