/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Guests that arrange their work by what the scheduler looks at. What idle VMs are is the daemon's to say
 * (slots/thread.h); here are a guest's possible answers to that, and what it must not have by them.
 * Policies that count slots, not CPU time, are left out: idle VMs are paused there.
 */

#include "plant.h"

#define for_each_time_policy(ops) for_each_policy(ops) if (!(ops)->pauses_idle)

/* CPU time by VM 0 and by all. */
struct used {
	uint64_t it, all;
};

static void use(struct used *u, uint32_t id, uint64_t ns)
{
	u->it += id ? 0 : ns;
	u->all += ns;
}

static void assert_at_most(const struct plant *p, const struct used *u, double percent)
{
	double got = 100.0 * (double)u->it / (double)u->all;

	if (got > percent)
		fail_msg("%s: %.2f %% of the CPU time, not at most %.2f", p->ops->name, got, percent);
}

/* Enough of each slot not to be idle, and no more: slots that this takes from others are within its share. */
static void test_slots_hardly_used(void **state)
{
	(void)state;
	for_each_time_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct slot_set set;

		plant_add(p, 10);
		plant_add(p, 90);
		for (int t = 0; t < 20000; t++) {
			rounds_next(p->r, p->now, &set);
			p->now += SLOT_NS;
			assert_int_equal(set.n, 1);
			p->run[set.vm[0]]++;
			rounds_report(p->r, set.vm[0], set.vm[0] ? SLOT_NS : SLOT_NS * 6 / 100, true, p->now);
		}
		/* 3/4 : 1 in charges; adrr: 2 slots to 9 */
		if (p->run[1] * 100 < 80 * (p->run[0] + p->run[1]))
			fail_msg("%s: %llu slots for 90 %%, %llu for 10", ops->name,
				 (unsigned long long)p->run[1], (unsigned long long)p->run[0]);
		plant_free(p);
	}
}

/* It works on all its CPUs while it counts as idle, as soon as it does, and leaves its own slots unused. */
static void test_seems_idle_in_turns(void **state)
{
	(void)state;
	for_each_time_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct used u = { 0 };
		bool away = false;

		plant_add(p, 20);
		plant_add(p, 50);
		plant_add(p, 30);
		for (int t = 0; t < 20000; t++) {
			bool works = away;
			struct slot_set set;

			rounds_next(p->r, p->now, &set);
			p->now += SLOT_NS;
			assert_int_equal(set.n, 1);
			away = away || !set.vm[0];
			use(&u, set.vm[0], set.vm[0] ? SLOT_NS : 0);
			rounds_report(p->r, set.vm[0], set.vm[0] ? SLOT_NS : 0, set.vm[0] != 0, p->now);
			if (!works)
				continue;
			use(&u, 0, 4 * SLOT_NS);
			rounds_report(p->r, 0, 4 * SLOT_NS, false, p->now);
			rounds_wake(p->r, 0, p->now);
			away = false;
		}
		assert_at_most(p, &u, 21);
		plant_free(p);
	}
}

/* It never works so much that it would not count as idle; its share is less than that. */
static void test_idle_beyond_its_share(void **state)
{
	(void)state;
	for_each_time_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct used u = { 0 };
		bool away = true;

		plant_add(p, 1);
		plant_add(p, 99);
		plant_slot(p);
		plant_block(p, 0);
		plant_run(p, 100);
		for (int t = 0; t < 20000; t++) {
			struct slot_set set;

			rounds_next(p->r, p->now, &set);
			p->now += SLOT_NS;
			if (!set.vm[0])
				rounds_report(p->r, 0, SLOT_NS * 4 / 100, false, p->now);
			else if (away && rounds_report(p->r, 0, SLOT_NS * 4 / 100, false, p->now) > 0)
				away = !(rounds_wake(p->r, 0, p->now) >= 0);
			use(&u, 0, away || !set.vm[0] ? SLOT_NS * 4 / 100 : 0);
			use(&u, 1, set.vm[0] ? SLOT_NS : 0);
			away = away || !set.vm[0];
		}
		assert_at_most(p, &u, 1.1);
		plant_free(p);
	}
}

/* Within its share it may go on, and where nobody else wants to run there is nothing to take from anybody. */
static void test_idle_within_its_share(void **state)
{
	(void)state;
	for_each_time_policy(ops) {
		struct rounds_config c = config(ops, 100, 1);
		struct plant *p = plant_new(&c);
		struct rounds_vm vm;

		plant_add(p, 10);
		plant_add(p, 90);
		plant_slot(p);
		plant_block(p, 0);
		for (int t = 0; t < 5000; t++) {
			uint64_t ns = SLOT_NS / 100 * (t > 4000 ? 40 : 4);

			if (t == 4000)
				plant_block(p, 1);
			plant_slot(p);
			assert_int_equal(rounds_report(p->r, 0, ns, false, p->now), 0);
		}
		/* It owes nothing: it is served as before. */
		plant_wake(p, 1);
		plant_wake(p, 0);
		plant_reset(p);
		plant_run(p, 200);
		assert_points(p, 0, 10.0, 2.5);
		rounds_info(p->r, 0, &vm);
		assert_true(vm.used_ns > 4000 * SLOT_NS * 4 / 100);
		plant_free(p);
	}
}

/*
 * Two that are boosted by turns, each by a little work outside its slot, and leave their slots unused: a slot
 * that is cut short for the other one is charged, too, or the third VM would get next to none.
 */
static void test_boosted_in_turns(void **state)
{
	struct rounds_config c = config(&policy_boost, 100, 1);
	struct plant *p = plant_new(&c);
	uint64_t third = 0, start = p->now;
	bool away[3] = { false, false, true };

	(void)state;
	for (uint32_t share = 30; share <= 40; share += 5)
		plant_add(p, share);
	while (p->now < start + 200 * NSEC_PER_SEC) {
		uint64_t length = SLOT_NS;
		struct slot_set set;

		rounds_next(p->r, p->now, &set);
		assert_int_equal(set.n, 1);
		for (uint32_t id = 0; id < 2; id++) {
			if (id == set.vm[0] || !away[id])
				continue;
			away[id] = false;
			rounds_report(p->r, id, SLOT_NS * 5 / 100, false, p->now + SLOT_NS / 10);
			if (rounds_wake(p->r, id, p->now + SLOT_NS / 10) > 0)
				length = SLOT_NS / 10;
		}
		p->now += length;
		third += set.vm[0] == 2 ? length : 0;
		away[set.vm[0]] = set.vm[0] < 2;
		rounds_report(p->r, set.vm[0], set.vm[0] == 2 ? length : 0, set.vm[0] == 2, p->now);
	}
	/* 3/4 : 1 in charges: 32 % */
	if (third * 100 < (p->now - start) * 29)
		fail_msg("%llu %% of the time for a share of 38",
			 (unsigned long long)(third * 100 / (p->now - start)));
	plant_free(p);
}

/*
 * One that is boosted by a little work outside its slot, and does nothing in the slot, which ends when that
 * was noticed. What it wastes so is within twice its share.
 */
static void test_boosted_for_nothing(void **state)
{
	struct rounds_config c = config(&policy_boost, 100, 1);
	struct plant *p = plant_new(&c);
	uint64_t other = 0, start = p->now;
	bool away = false;

	(void)state;
	plant_add(p, 20);
	plant_add(p, 80);
	while (p->now < start + 200 * NSEC_PER_SEC) {
		uint64_t length = SLOT_NS;
		struct slot_set set;

		rounds_next(p->r, p->now, &set);
		assert_int_equal(set.n, 1);
		if (!set.vm[0]) {
			p->now += SLOT_NS / 4;
			rounds_report(p->r, 0, 0, false, p->now);
			away = true;
			continue;
		}
		if (away) {
			rounds_report(p->r, 0, SLOT_NS * 5 / 100, false, p->now + SLOT_NS / 10);
			if (rounds_wake(p->r, 0, p->now + SLOT_NS / 10) > 0)
				length = SLOT_NS / 10;
			away = false;
		}
		p->now += length;
		other += length;
		rounds_report(p->r, 1, length, true, p->now);
	}
	if (other * 100 < (p->now - start) * 60)
		fail_msg("%llu %% of the time for a share of 80",
			 (unsigned long long)(other * 100 / (p->now - start)));
	plant_free(p);
}

/* Where a slot ends because its VM became idle, half of the time until that was noticed is charged. */
static void test_gives_up_early(void **state)
{
	static const struct policy_ops *const by_credit[] = { &policy_credit, &policy_boost };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rounds_config c = config(by_credit[i], 100, 1);
		struct plant *p = plant_new(&c);
		struct used u = { 0 };

		plant_add(p, 1);
		plant_add(p, 99);
		for (int t = 0; t < 50000; t++) {
			struct slot_set set;
			uint64_t ns;

			rounds_next(p->r, p->now, &set);
			p->now += set.vm[0] ? SLOT_NS : SLOT_NS * 12 / 100;
			ns = set.vm[0] ? SLOT_NS : SLOT_NS * 2 / 100;
			use(&u, set.vm[0], ns);
			rounds_report(p->r, set.vm[0], ns, set.vm[0] != 0, p->now);
			rounds_wake(p->r, 0, p->now);
		}
		/* 2 : 6 in charges; it could have three times as much by using more of its slots */
		assert_true(u.it * 1000 >= u.all * 3);
		assert_at_most(p, &u, 1.1);
		plant_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_hardly_used),
		cmocka_unit_test(test_seems_idle_in_turns),
		cmocka_unit_test(test_idle_beyond_its_share),
		cmocka_unit_test(test_idle_within_its_share),
		cmocka_unit_test(test_boosted_in_turns),
		cmocka_unit_test(test_boosted_for_nothing),
		cmocka_unit_test(test_gives_up_early),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/hostile", tests, NULL, NULL);
}
