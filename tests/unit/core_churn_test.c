/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All policies under random churn, 2 to 10,000 VMs; under the sanitizers. */

#include "plant.h"

static bool there[N_MAX]; /* by id */
static uint32_t count;    /* of those */

/* Half the VMs at once, then one by one. */
static void add_some(struct plant *p, uint32_t n, bool first)
{
	for (uint32_t more = first ? n / 2 : 1; count < n && more && rnd(4); more--) {
		uint32_t i = plant_add(p, 1 + (uint32_t)rnd(rnd(2) ? 10 : 1000000));

		assert_true(i < n);
		there[i] = true;
		p->idle[i] = false;
		count++;
	}
}

static void change_one(struct plant *p, uint32_t id)
{
	switch (rnd(8)) {
	case 0:
		assert_int_equal(rounds_remove(p->r, id, p->now), there[id] ? 0 : -ENOENT);
		count -= there[id];
		there[id] = false;
		break;
	case 1:
		rounds_set_part(p->r, id, (struct part){ 1 + (uint32_t)rnd(1000) });
		break;
	case 2:
	case 3:
	case 4:
		plant_wake(p, id);
		break;
	default:
		plant_block(p, id);
	}
}

static void storm(struct plant *p, const struct rounds_config *c, uint32_t n, uint64_t slots)
{
	struct rounds_stats st;

	for (uint64_t t = 0; t < slots; t++) {
		for (uint64_t k = rnd(8); k; k--) {
			uint32_t id = (uint32_t)rnd(n);

			add_some(p, n, t == 0);
			change_one(p, id);
		}
		if (p->set.n && rnd(2))
			rounds_report(p->r, p->set.vm[0], rnd(3 * SLOT_NS), rnd(2), p->now);
		p->early = rnd(1001);
		plant_slot(p);
		rounds_stats(p->r, &st);
		assert_int_equal(st.vms, count);
		if (!st.ready)
			assert_int_equal(p->set.n, 0);
		else if (!c->strict && c->lanes == 1)
			assert_int_equal(p->set.n, 1);
	}
}

/* After the storm: all busy, and all are served alike. */
static void calm(struct plant *p, const struct rounds_config *c, uint32_t n, int mode)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!there[i])
			continue;
		rounds_set_part(p->r, i, (struct part){ 5 });
		plant_wake(p, i);
	}
	p->early = 1000;
	plant_run(p, 3ULL * n + (c->burst_ns ? 8000 : 1000)); /* debts, batches and bursts from before */
	plant_reset(p);
	plant_run(p, 12ULL * (count / c->lanes + 1));
	for (uint32_t i = 0; i < n && count > c->lanes; i++) {
		double turns = (double)(p->slots * c->lanes) / count;
		/* Bursts and debts of the storm, of seconds, may still be at work. */
		double least = c->burst_ns ? 0 : 0.7, most = c->burst_ns ? 1000 : 1.3;

		if (there[i] && ((double)p->run[i] < least * turns || (double)p->run[i] > most * turns))
			fail_msg("%s mode %d: VM %u of %u (%u lanes) ran %llu times in %.1f turns",
				 p->ops->name, mode, i, count, c->lanes, (unsigned long long)p->run[i],
				 turns);
	}
}

/* Everything at once, at random, at all sizes, under the sanitizers; invariants are in plant_slot(). */
static void churn(const struct policy_ops *ops, uint32_t n, uint32_t lanes, int mode, uint64_t slots)
{
	struct rounds_config c = config(ops, 1 + (uint32_t)rnd(2 * n), lanes);
	struct plant *p;

	c.strict = mode == 1;
	c.spread = mode == 2;
	c.burst_ns = mode == 3 ? NSEC_PER_SEC : 0;
	p = plant_new(&c);
	memset(there, 0, sizeof(there));
	count = 0;
	storm(p, &c, n, slots);
	calm(p, &c, n, mode);
	plant_free(p);
}

static void test_churn(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 7, 30, 200, 2000 };

	(void)state;
	for_each_policy(ops) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (int mode = 0; mode < 4; mode++)
				for (uint32_t lanes = 1; lanes <= 4; lanes *= 2)
					churn(ops, sizes[i], lanes, mode, sizes[i] < 1000 ? 1000 : 200);
		churn(ops, N_MAX, 2, 0, 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_churn) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/churn", tests, NULL, NULL);
}
