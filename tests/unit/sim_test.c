/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The simulation: repeats exactly, counts right, and shows what the policies are known for. */

#include "tests/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct sim_result run(const struct sim_config *c)
{
	struct sim_result r;

	assert_int_equal(sim_run(c, &r), 0);
	return r;
}

static struct sim_config mixed(const struct policy_ops *policy, uint32_t vms, uint32_t rounds)
{
	struct sim_config c;

	sim_config_default(&c);
	c.rounds.policy = policy;
	c.vms = vms;
	c.n_rounds = rounds;
	c.part[DEMAND_IO] = 0.25;
	c.part[DEMAND_ON_OFF] = 0.25;
	return c;
}

static void test_seed_repeats(void **state)
{
	(void)state;
	for (size_t i = 0; policies[i]; i++) {
		struct sim_config c = mixed(policies[i], 40, 50);
		struct sim_result a, b, other;

		c.samples = 20;
		a = run(&c);
		b = run(&c);
		c.seed++;
		other = run(&c);
		assert_int_equal(a.n_samples, 20);
		assert_memory_equal(a.sample, b.sample, 20 * sizeof(*a.sample));
		a.wall_ns = b.wall_ns = 0;
		sim_result_free(&a);
		sim_result_free(&b);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_true(other.wakes != a.wakes || other.decisions != a.decisions);
		sim_result_free(&other);
	}
}

/* By hand: one VM alone uses everything but its first switch; two at 1:1 lose a switch in each slot. */
static void test_accounts(void **state)
{
	static const uint32_t shares[] = { 1 };
	struct sim_config c;
	struct sim_result r;

	(void)state;
	sim_config_default(&c);
	c.share = shares;
	c.n_share = 1;
	c.n_rounds = 10;
	c.vms = 1;
	r = run(&c);
	assert_int_equal(r.decisions, 1000);
	assert_int_equal(r.time_ns, 10 * NSEC_PER_SEC);
	assert_true(r.utilisation * 1e10 > 1e10 - 60000.5 && r.utilisation * 1e10 < 1e10 - 59999.5);
	sim_result_free(&r);

	c.vms = 2;
	r = run(&c);
	assert_true(r.utilisation > 0.99399 && r.utilisation < 0.99401);
	assert_int_equal(r.wait_ns, 10 * NSEC_PER_MSEC);
	assert_true(r.error == 0);
	sim_result_free(&r);

	/* A wake-up during somebody else's slot is served at the next boundary at the latest. */
	c.vms = 4;
	c.part[DEMAND_IO] = 0.5;
	c.rounds.policy = &policy_boost;
	r = run(&c);
	assert_in_range(r.wakes, 300, 2000);
	assert_in_range(r.wake_p50_ns, 55 * NSEC_PER_USEC, 2 * NSEC_PER_MSEC);
	sim_result_free(&r);
}

/* What the papers claim, in order of size and not in figures. */
static void test_known_order(void **state)
{
	struct sim_result r[8] = { 0 };

	(void)state;
	for (size_t i = 0; policies[i]; i++) {
		struct sim_config c = mixed(policies[i], 12, 400);

		r[i] = run(&c);
		assert_true(r[i].error < 0.5);
		sim_result_free(&r[i]);
	}
	/* paper, smooth, credit, boost, adrr */
	assert_true(r[3].wake_p99_ns * 4 < r[2].wake_p99_ns);
	assert_true(r[1].wake_p99_ns < r[0].wake_p99_ns);
	assert_true(r[1].wait_ns < r[0].wait_ns);
	for (int i = 1; i < 5; i++)
		assert_true(r[i].utilisation > r[0].utilisation + 0.1);
}

/*
 * Where the slot ends with it, a wake-up costs what was used, half of what the slot lasted at the least: many
 * VMs with little credit each can afford theirs.
 */
static void test_boost_of_many(void **state)
{
	struct sim_config c = mixed(&policy_boost, 1000, 20);
	struct sim_result r = run(&c);

	(void)state;
	assert_in_range(r.wake_p99_ns, 0, 10 * NSEC_PER_MSEC);
	sim_result_free(&r);
}

static void test_bad_config(void **state)
{
	struct sim_config c;
	struct sim_result r;

	(void)state;
	sim_config_default(&c);
	c.vms = 0;
	assert_int_equal(sim_run(&c, &r), -EINVAL);
	sim_config_default(&c);
	c.rounds.slot_ns = 0;
	assert_int_equal(sim_run(&c, &r), -EINVAL);
	sim_config_default(&c);
	c.vms = ROUNDS_VMS_MAX + 1;
	assert_int_equal(sim_run(&c, &r), -E2BIG);
}

/* Ten thousand VMs, under the sanitizers; the figure is taken without them (doc/simulation.md). */
static void test_many(void **state)
{
	(void)state;
	for (size_t i = 0; policies[i]; i++) {
		struct sim_config c = mixed(policies[i], 10000, 1);
		struct sim_result r;

		c.rounds.lanes = i % 2 ? 4 : 1;
		r = run(&c);
		assert_true(r.decisions * c.rounds.lanes >= r.slots);
		sim_result_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_repeats), cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_known_order),  cmocka_unit_test(test_boost_of_many),
		cmocka_unit_test(test_bad_config),   cmocka_unit_test(test_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
