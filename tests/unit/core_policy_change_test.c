/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What every policy has to keep while shares, VMs, their idleness, the schedule or the clock change. */

#include "plant.h"

static void test_live_change(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		plant_add(p, 50);
		plant_add(p, 50);
		plant_run(p, 1234);
		assert_int_equal(rounds_set_part(p->r, 0, (struct part){ 60 }), 0);
		assert_int_equal(rounds_set_part(p->r, 1, (struct part){ 40 }), 0);
		plant_reset(p);
		plant_run(p, 100); /* one round */
		assert_points(p, 0, 60.0, 3.5);
		plant_reset(p);
		plant_run(p, 2000);
		assert_points(p, 0, 60.0, 0.5);
		assert_points(p, 1, 40.0, 0.5);
		assert_int_equal(rounds_set_part(p->r, 1, (struct part){ 0 }), -EINVAL);
		assert_int_equal(rounds_set_part(p->r, 1, (struct part){ PART_MAX + 1 }), -EINVAL);
		assert_int_equal(rounds_set_part(p->r, 2, (struct part){ 1 }), -ENOENT);
		plant_free(p);
	}
}

static void test_idle_gives_up(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		plant_add(p, 50);
		plant_add(p, 30);
		plant_add(p, 20);
		plant_run(p, 57);
		plant_block(p, 0);
		plant_slot(p);
		plant_reset(p);
		plant_run(p, 5000);
		assert_int_equal(p->run[0], 0);
		assert_points(p, 1, 60.0, 0.5);
		assert_points(p, 2, 40.0, 0.5);
		/* Back, and soon at its share: one round at the most. */
		plant_wake(p, 0);
		plant_reset(p);
		plant_run(p, 200);
		assert_points(p, 0, 50.0, 8.0);
		plant_run(p, 3800);
		assert_points(p, 0, 50.0, 1.0);
		plant_free(p);
	}
}

/* Awake in the middle of a round: slots for the part of the round that is left, and the round is so much
 * longer. */
static void test_late_in_the_round(void **state)
{
	struct rounds_config c = config(&policy_paper, 100, 1);
	struct plant *p = plant_new(&c);
	struct rounds_vm vm;
	struct rounds_stats st;

	(void)state;
	plant_add(p, 50);
	plant_add(p, 50);
	plant_block(p, 1);
	plant_run(p, 150); /* the second round is half over */
	plant_wake(p, 1);
	rounds_info(p->r, 1, &vm);
	/* Its bucket holds a round's 50 slots and one more; the price is half a slot, since the other VM has
	 * all slots. */
	assert_in_range(vm.slots, 49, 52);
	rounds_stats(p->r, &st);
	assert_int_equal(st.round_slots, 100 + vm.slots);
	plant_reset(p);
	plant_run(p, 100);
	assert_points(p, 1, 50.0, 2.0);
	plant_free(p);
}

/* Going idle and coming back at once must not buy a second turn. */
static void test_back_at_once(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		for (int i = 0; i < 4; i++)
			plant_add(p, 25);
		for (int i = 0; i < 4000; i++) {
			plant_block(p, 0);
			plant_slot(p);
			plant_wake(p, 0);
		}
		/* It gets 25 %, or less: where it was away at the boundary it was passed over. */
		if (p->run[0] * 100 > p->slots * 26)
			fail_msg("%s: %llu of %llu slots for a quarter", ops->name,
				 (unsigned long long)p->run[0], (unsigned long long)p->slots);
		plant_free(p);
	}
}

static void test_all_idle(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		plant_slot(p);
		assert_int_equal(p->set.n, 0);
		plant_add(p, 1);
		plant_add(p, 1);
		plant_slot(p);
		assert_int_equal(p->set.n, 1);
		plant_block(p, 0);
		plant_block(p, 1);
		plant_slot(p);
		assert_int_equal(p->set.n, 0);
		/* Nobody holds the slot: worth starting a new one. */
		assert_int_equal(plant_wake(p, 1), 1);
		plant_slot(p);
		assert_int_equal(p->set.n, 1);
		assert_int_equal(p->set.vm[0], 1);
		plant_free(p);
	}
}

static void test_remove_running(void **state)
{
	(void)state;
	for_each_policy(ops) {
		for (uint32_t lanes = 1; lanes <= 3; lanes++) {
			struct rounds_config c = config(ops, 100, lanes);
			struct plant *p = plant_new(&c);
			struct rounds_vm vm;

			for (uint32_t i = 0; i < 4; i++)
				plant_add(p, 10 + i);
			plant_run(p, 21);
			assert_true(p->set.n > 0);
			for (int i = 0; i < 500; i++) {
				uint32_t id;

				plant_slot(p);
				if (!p->set.n)
					continue;
				id = p->set.vm[0];
				assert_int_equal(rounds_remove(p->r, id, p->now), 0);
				assert_int_equal(rounds_info(p->r, id, &vm), -ENOENT);
				assert_int_equal(rounds_report(p->r, id, 1, true, p->now), -ENOENT);
				assert_int_equal(rounds_remove(p->r, id, p->now), -ENOENT);
				/* Its id goes to the next, which is not in the slot that runs. */
				assert_int_equal(plant_add(p, 10), id);
				rounds_info(p->r, id, &vm);
				assert_false(vm.running);
			}
			plant_free(p);
		}
	}
}

static void test_reconfigure_live(void **state)
{
	(void)state;
	for_each_policy(from) {
		for_each_policy(to) {
			struct rounds_config c = config(from, 100, 1);
			struct plant *p = plant_new(&c);
			struct rounds_vm before, after;

			for (uint32_t i = 0; i < 20; i++)
				plant_add(p, 1 + i);
			plant_run(p, 333);
			plant_block(p, 5);
			rounds_info(p->r, 7, &before);
			c = config(to, 200, 3);
			assert_int_equal(rounds_configure(p->r, &c, p->now), 0);
			p->ops = to;
			p->lanes = 3;
			p->set.n = 0;
			rounds_info(p->r, 7, &after);
			assert_true(after.used_ns >= before.used_ns);
			plant_slot(p);
			plant_reset(p);
			plant_run(p, 10000);
			assert_int_equal(p->run[5], 0);
			for (uint32_t i = 0; i < 20; i++)
				if (i != 5)
					assert_points(p, i, 100.0 * 3 * (1 + i) / (210 - 6), 1.0);
			c.lanes = 0;
			assert_int_equal(rounds_configure(p->r, &c, p->now), -EINVAL);
			plant_slot(p);
			plant_free(p);
		}
	}
}

/* A VM joins, and an idle one wakes up, between a change of the schedule and the slot it takes effect at. */
static void test_join_while_reconfigured(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		for (uint32_t i = 0; i < 3; i++)
			plant_add(p, 10);
		plant_block(p, 1);
		plant_run(p, 333);
		assert_int_equal(rounds_configure(p->r, &c, p->now), 0);
		p->set.n = 0;
		plant_add(p, 10);
		plant_wake(p, 1);
		plant_run(p, 1000); /* what VM 1 saved up is spent */
		plant_reset(p);
		plant_run(p, 1000);
		for (uint32_t i = 0; i < 4; i++)
			assert_points(p, i, 25.0, 1.0);
		plant_free(p);
	}
}

static void test_bad_config(void **state)
{
	struct rounds_config good = config(&policy_paper, 100, 1), c;
	struct rounds *r = (struct rounds *)&good;

	(void)state;
	c = good, c.policy = NULL;
	assert_int_equal(rounds_new(&r, &c, 0), -EINVAL);
	c = good, c.slot_ns = 0;
	assert_int_equal(rounds_new(&r, &c, 0), -EINVAL);
	c = good, c.slots = ROUNDS_SLOTS_MAX + 1;
	assert_int_equal(rounds_new(&r, &c, 0), -EINVAL);
	c = good, c.lanes = ROUNDS_LANES_MAX + 1;
	assert_int_equal(rounds_new(&r, &c, 0), -EINVAL);
	assert_ptr_equal(r, &good);
}

/* A clock that goes back, and one that jumps ahead by an hour (suspend): shares hold after it. */
static void test_clock(void **state)
{
	(void)state;
	for_each_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);

		plant_add(p, 60);
		plant_add(p, 40);
		plant_run(p, 50);
		p->now -= 10 * NSEC_PER_SEC;
		plant_run(p, 10);
		p->now += 3600 * NSEC_PER_SEC;
		plant_run(p, 200);
		plant_reset(p);
		plant_run(p, 2000);
		assert_points(p, 0, 60.0, 0.5);
		plant_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_change),
		cmocka_unit_test(test_idle_gives_up),
		cmocka_unit_test(test_late_in_the_round),
		cmocka_unit_test(test_back_at_once),
		cmocka_unit_test(test_all_idle),
		cmocka_unit_test(test_remove_running),
		cmocka_unit_test(test_reconfigure_live),
		cmocka_unit_test(test_join_while_reconfigured),
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_clock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/policy_change", tests, NULL, NULL);
}
