/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What every policy has to keep, on the same plants. While things change: core_policy_change_test.c. */

#include "plant.h"

static void test_table(void **state)
{
	(void)state;
	assert_ptr_equal(policy_find("paper"), &policy_paper);
	assert_ptr_equal(policy_find("adrr"), &policy_adrr);
	assert_null(policy_find("Paper"));
	assert_null(policy_find(""));
	for_each_policy(ops) {
		assert_ptr_equal(policy_find(ops->name), ops);
		assert_true(strlen(ops->name) < 16);
	}
}

static void test_shares(void **state)
{
	static const uint32_t shares[][4] = {
		{50, 50},     {60, 40},      {50, 30, 20},
		{65, 35},     {97, 1, 1, 1}, {1000000, 999999, 500000, 250000},
		{3, 3, 3, 1},
	};

	(void)state;
	for_each_policy(ops) {
		for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
			struct rounds_config c = config(ops, 100, 1);
			struct plant *p = plant_new(&c);
			double sum = 0;

			for (int k = 0; k < 4 && shares[i][k]; k++) {
				plant_add(p, shares[i][k]);
				sum += shares[i][k];
			}
			plant_run(p, 2000); /* 20 s, the time of the figure */
			for (uint32_t k = 0; k < 4 && shares[i][k]; k++)
				assert_points(p, k, 100.0 * shares[i][k] / sum, 0.5);
			plant_run(p, 18000);
			for (uint32_t k = 0; k < 4 && shares[i][k]; k++)
				assert_points(p, k, 100.0 * shares[i][k] / sum, 0.1);
			plant_free(p);
		}
	}
}

/* 60:40 on two lanes: hold keeps 60:40 (1 : 0.67), spread fills both lanes. */
static void test_lanes_hold_and_spread(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 2);
		struct plant *p = plant_new(&c);

		plant_add(p, 60);
		plant_add(p, 40);
		plant_run(p, 6000);
		assert_points(p, 0, 100.0, 0.5);
		assert_points(p, 1, 66.67, 0.5);
		plant_free(p);

		c.spread = true;
		p = plant_new(&c);
		plant_add(p, 60);
		plant_add(p, 40);
		plant_run(p, 6000);
		assert_points(p, 0, 100.0, 0.1);
		assert_points(p, 1, 100.0, 0.1);
		plant_free(p);

		/* A lane for the first, one for the others in 2:1. */
		p = plant_new(&c);
		plant_add(p, 90);
		plant_add(p, 20);
		plant_add(p, 10);
		plant_run(p, 6000);
		assert_points(p, 0, 100.0, 1.0);
		assert_points(p, 1, 66.67, 1.0);
		assert_points(p, 2, 33.33, 1.0);
		plant_free(p);
	}
}

/* Shares that lanes can carry: nobody is capped, and no lane is empty. */
static void test_lanes_full(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 2);
		struct plant *p = plant_new(&c);

		plant_add(p, 50);
		plant_add(p, 25);
		plant_add(p, 25);
		plant_run(p, 6000);
		assert_points(p, 0, 100.0, 1.5);
		assert_points(p, 1, 50.0, 1.0);
		assert_points(p, 2, 50.0, 1.0);
		plant_free(p);

		c = config(ops, 1000, 8);
		p = plant_new(&c);
		for (uint32_t i = 0; i < 40; i++)
			plant_add(p, 10 + i);
		plant_run(p, 20000);
		for (uint32_t i = 0; i < 40; i++)
			assert_points(p, i, 100.0 * 8 * (10 + i) / (10 * 40 + 40 * 39 / 2), 0.8);
		plant_free(p);
	}
}

static void test_strict(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p;
		struct rounds_vm vm;

		c.strict = true;
		p = plant_new(&c);
		plant_add(p, 60);
		plant_add(p, 40);
		plant_block(p, 0);
		plant_slot(p);
		plant_block(p, 0);
		assert_int_equal(rounds_info(p->r, 0, &vm), 0);
		plant_run(p, 5000);
		assert_points(p, 0, 60.0, 0.5);
		assert_points(p, 1, 40.0, 0.5);
		plant_free(p);
	}
}

/*
 * A VM with four CPUs uses four slots' CPU time in a slot. Policies that count CPU time give it fewer slots.
 */
static void test_several_cpus(void **state)
{
	static const struct policy_ops *const by_time[] = { &policy_smooth, &policy_credit, &policy_boost,
							    &policy_adrr };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct rounds_config c = config(by_time[i], 100, 1);
		struct plant *p = plant_new(&c);
		struct slot_set set;

		plant_add(p, 50);
		plant_add(p, 30);
		plant_add(p, 20);
		for (int t = 0; t < 20000; t++) {
			rounds_next(p->r, p->now, &set);
			p->now += SLOT_NS;
			p->slots++;
			assert_int_equal(set.n, 1);
			p->run[set.vm[0]]++;
			rounds_report(p->r, set.vm[0], set.vm[0] ? SLOT_NS : 4 * SLOT_NS, true, p->now);
		}
		assert_points(p, 0, 100 * 12.5 / 62.5, 0.5);
		assert_points(p, 1, 100 * 30 / 62.5, 0.5);
		assert_points(p, 2, 100 * 20 / 62.5, 0.5);
		plant_free(p);
	}
}

/* 0.60 to 1.00 of a slot, 0.80 in the mean. */
static uint64_t disturbed(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return SLOT_NS / 100 * (60 + (*state >> 33) % 41);
}

/* What others on its CPU take out of a VM's slots is made up for; by leaving most of them, it gains few. */
static void test_adrr_carries(void **state)
{
	struct rounds_config c = config(&policy_adrr, 100, 1);
	uint64_t used[2] = { 0 }, run[2] = { 0 }, random = 1;
	struct plant *p = plant_new(&c);
	struct slot_set set;

	(void)state;
	plant_add(p, 60);
	plant_add(p, 40);
	for (int t = 0; t < 22000; t++) {
		uint64_t use = SLOT_NS;

		rounds_next(p->r, p->now, &set);
		p->now += SLOT_NS;
		assert_int_equal(set.n, 1);
		if (set.vm[0] == 0)
			use = t < 20000 ? disturbed(&random) : SLOT_NS / 10;
		(t < 20000 ? used : run)[set.vm[0]] += t < 20000 ? use : 1;
		rounds_report(p->r, set.vm[0], use, true, p->now);
	}
	assert_in_range(used[0] * 10000 / (used[0] + used[1]), 5950, 6050);

	/* 4/3 of 60 to 40, and a slot a turn */
	assert_true(run[0] * 40 <= run[1] * 60 * 5 / 3);
	plant_free(p);
}

/* Slots for all: with 200 VMs and 100 slots, each VM gets one in 200 slots or so, whatever its share. */
static void test_no_starvation(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct rounds_stats st;

		plant_add(p, 1000000);
		for (int i = 1; i < 200; i++)
			plant_add(p, 1);
		for (int i = 0; i < 5000; i++) {
			plant_slot(p);
			for (uint32_t k = 0; k < 200; k++)
				if (p->slots - p->last[k] > 1000)
					fail_msg("%s: VM %u waits for 1000 slots", ops->name, k);
		}
		rounds_stats(p->r, &st);
		assert_int_equal(st.vms, 200);
		assert_int_equal(st.raised, 199);
		plant_free(p);
	}
}

static void test_raised(void **state)
{
	struct rounds_config c = config(&policy_paper, 100, 1);
	struct plant *p = plant_new(&c);
	struct rounds_vm vm;

	(void)state;
	plant_add(p, 999);
	plant_add(p, 1);
	plant_run(p, 100);
	rounds_info(p->r, 1, &vm);
	assert_true(vm.raised);
	assert_int_equal(vm.slots, 1);
	rounds_info(p->r, 0, &vm);
	assert_false(vm.raised);
	assert_int_equal(vm.slots, 99);
	assert_int_equal(p->run[1], 1);
	plant_free(p);
}

/* What status shows: entitlement follows the shares, and VMs that used it all are level with it. */
static void test_accounts(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct rounds_vm vm[3];

		plant_add(p, 50);
		plant_add(p, 30);
		plant_add(p, 20);
		plant_run(p, 1001);
		for (uint32_t i = 0; i < p->set.n; i++)
			rounds_report(p->r, p->set.vm[i], SLOT_NS, true, p->now);
		for (uint32_t i = 0; i < 3; i++) {
			double entitled = (double)(50 - i * 20 + (i == 2) * 10) / 100 * 1001 * SLOT_NS;

			rounds_info(p->r, i, &vm[i]);
			assert_true((double)vm[i].entitled_ns > entitled - 1000);
			assert_true((double)vm[i].entitled_ns < entitled + 1000);
			assert_int_equal(vm[i].used_ns, p->run[i] * SLOT_NS);
			assert_int_equal(vm[i].slots_run_total, p->run[i]);
			assert_in_range(vm[i].slots, 10, 60);
		}
		/* Outside its turn: on the account, and no slot. */
		rounds_report(p->r, 1, 777, true, p->now);
		rounds_info(p->r, 1, &vm[0]);
		assert_int_equal(vm[0].used_ns, vm[1].used_ns + 777);
		plant_free(p);
	}
}

/* The same calls, the same answers. */
static void test_deterministic(void **state)
{
	(void)state;
	for_each_policy(ops) {
		static uint64_t run[100];

		for (int pass = 0; pass < 2; pass++) {
			struct rounds_config c = config(ops, 300, 2);
			struct plant *p = plant_new(&c);

			seed = 42;
			for (int i = 0; i < 100; i++)
				plant_add(p, 1 + (uint32_t)rnd(20));
			for (int i = 0; i < 3000; i++) {
				plant_slot(p);
				if (rnd(2))
					plant_block(p, (uint32_t)rnd(100));
				else
					plant_wake(p, (uint32_t)rnd(100));
			}
			if (pass)
				assert_memory_equal(run, p->run, sizeof(run));
			memcpy(run, p->run, sizeof(run));
			plant_free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_lanes_hold_and_spread),
		cmocka_unit_test(test_lanes_full),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_several_cpus),
		cmocka_unit_test(test_adrr_carries),
		cmocka_unit_test(test_no_starvation),
		cmocka_unit_test(test_raised),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_deterministic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/policy", tests, NULL, NULL);
}
