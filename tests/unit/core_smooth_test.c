/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The property that gives `smooth` its name, in exact arithmetic and against the definition, not against the
 * policy's own windows: after every slot, slots run and slots entitled differ by less than one.
 */

#include "core/slots/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SLOT_NS (10 * NSEC_PER_MSEC)
#define N_MAX 200U

static uint64_t seed;

/* splitmix64: Steele, Lea and Flood, OOPSLA 2014 */
static uint64_t rnd(uint64_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % below;
}

struct plant {
	struct rounds *r;
	uint64_t now;
	uint32_t n, lanes;
	uint32_t id[N_MAX];
	uint64_t share[N_MAX];
	uint64_t run[N_MAX];
};

static void plant_init(struct plant *p, uint32_t n, uint32_t lanes, bool spread)
{
	struct rounds_config c = {
		.policy = &policy_smooth, .slot_ns = SLOT_NS, .slots = ROUNDS_SLOTS_MAX, .lanes = lanes,
		.spread = spread,
	};

	p->n = n;
	p->lanes = lanes;
	p->now = 0;
	memset(p->run, 0, sizeof(p->run));
	assert_int_equal(rounds_new(&p->r, &c, 0), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(rounds_add(p->r, (struct part){ (uint32_t)p->share[i] }, 0, &p->id[i]), 0);
}

static void plant_slot(struct plant *p)
{
	struct slot_set set;

	rounds_next(p->r, p->now, &set);
	p->now += SLOT_NS;
	assert_true(set.n <= p->lanes);
	for (uint32_t i = 0; i < set.n; i++)
		p->run[set.vm[i]]++;
}

/* The entitlement in slots is share * num / den a slot. */
static void rates(const struct plant *p, uint64_t *num, uint64_t *den)
{
	uint64_t sum = 0, most = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		sum += p->share[i];
		most = p->share[i] > most ? p->share[i] : most;
	}
	*num = most * p->lanes > sum ? 1 : p->lanes;
	*den = most * p->lanes > sum ? most : sum;
}

static void assert_near(const struct plant *p, uint64_t slots)
{
	uint64_t num, den;

	rates(p, &num, &den);
	for (uint32_t i = 0; i < p->n; i++) {
		__int128 lag = (__int128)p->share[i] * num * slots - (__int128)p->run[i] * den;

		if (lag < (__int128)den && lag > -(__int128)den)
			continue;
		fail_msg("VM %u of %u, %u lanes, share %llu: %.6f slots off after %llu", i, p->n, p->lanes,
			 (unsigned long long)p->share[i], (double)lag / (double)den,
			 (unsigned long long)slots);
	}
}

static void never_a_slot_off(struct plant *p, uint64_t slots, bool spread)
{
	plant_init(p, p->n, p->lanes, spread);
	for (uint64_t t = 1; t <= slots; t++) {
		plant_slot(p);
		assert_near(p, t);
	}
	rounds_free(p->r);
}

static uint64_t random_share(int kind)
{
	switch (kind) {
	case 0: return 1 + rnd(10);
	case 1: return 1 + rnd(1000);
	case 2: return 1ULL << rnd(16);
	case 3: return 7;
	default: return 1 + rnd(20000);
	}
}

static void test_one_lane(void **state)
{
	static struct plant p;

	(void)state;
	for (int i = 0; i < 300; i++) {
		p.n = 1 + (uint32_t)rnd(i % 10 ? 12 : N_MAX);
		p.lanes = 1;
		for (uint32_t k = 0; k < p.n; k++)
			p.share[k] = random_share(i % 5);
		never_a_slot_off(&p, 2000, false);
	}
}

static void test_lanes(void **state)
{
	static struct plant p;

	(void)state;
	for (int i = 0; i < 600; i++) {
		p.lanes = 2 + (uint32_t)rnd(15);
		p.n = 1 + (uint32_t)rnd(i % 10 ? 3 * p.lanes : N_MAX);
		for (uint32_t k = 0; k < p.n; k++)
			p.share[k] = random_share(i % 5);
		never_a_slot_off(&p, 1500, false);
	}
}

/* Lanes completely full and rates above 1/2, where the order of equal deadlines decides. */
static void test_lanes_full_and_heavy(void **state)
{
	static struct plant p;

	(void)state;
	for (int i = 0; i < 400; i++) {
		uint64_t den = 3 + rnd(30), sum = 0;

		p.lanes = 2 + (uint32_t)rnd(7);
		p.n = 0;
		while (sum < den * p.lanes) {
			uint64_t left = den * p.lanes - sum, s = den / 2 + rnd(den - den / 2) + (i & 1);

			s = s > den ? den : s;
			p.share[p.n] = s < left ? s : left;
			sum += p.share[p.n++];
		}
		never_a_slot_off(&p, 2000, i & 2);
	}
}

static void test_known_sequence(void **state)
{
	static struct plant p = { .share = { 50, 30, 20 } };
	char seq[11] = "";
	struct slot_set set;

	(void)state;
	plant_init(&p, 3, 1, false);
	for (int i = 0; i < 10; i++) {
		rounds_next(p.r, p.now, &set);
		p.now += SLOT_NS;
		assert_int_equal(set.n, 1);
		seq[i] = (char)('A' + set.vm[0]);
	}
	/* By hand: windows of A [0,2) [2,4).., of B [0,4) [3,7) [6,10), of C [0,5) [5,10); equals by the
	 * heap. */
	assert_string_equal(seq, "ABACABACBA");
	rounds_free(p.r);
}

/* The ideal processor serves the busy VMs only: they stay in proportion among themselves. */
static void test_idle_time_is_shared_out(void **state)
{
	static struct plant p = { .share = { 60, 30, 500, 10 } };

	(void)state;
	plant_init(&p, 4, 1, false);
	assert_int_equal(rounds_block(p.r, 2, 0), 0);
	for (int t = 1; t <= 10000; t++) {
		plant_slot(&p);
		assert_in_range(p.run[0] * 100 + 200, (uint64_t)t * 60, (uint64_t)t * 60 + 400);
		assert_in_range(p.run[1] * 100 + 200, (uint64_t)t * 30, (uint64_t)t * 30 + 400);
	}
	assert_int_equal(p.run[2], 0);
	assert_int_equal(p.run[0] + p.run[1] + p.run[3], 10000);
	/* Back: it has missed nothing, and gets its own from here. */
	rounds_wake(p.r, 2, p.now);
	for (int t = 0; t < 6000; t++)
		plant_slot(&p);
	assert_in_range(p.run[2], 4998, 5002);
	rounds_free(p.r);
}

static void test_strict_leaves_slots_empty(void **state)
{
	static struct plant p = { .share = { 50, 50 } };
	struct rounds_config c = {
		.policy = &policy_smooth, .slot_ns = SLOT_NS, .slots = 100, .lanes = 1, .strict = true};

	(void)state;
	plant_init(&p, 2, 1, false);
	assert_int_equal(rounds_configure(p.r, &c, 0), 0);
	plant_slot(&p);
	rounds_block(p.r, 1, p.now);
	for (int t = 1; t < 1000; t++)
		plant_slot(&p);
	assert_int_equal(p.run[0], 500);
	assert_int_equal(p.run[1], 500); /* its own, whether it uses them or not */
	rounds_free(p.r);
}

/* Shares change, VMs come and go: between changes, slots run follow the shares within a slot. */
static void test_changes(void **state)
{
	static struct plant p;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint32_t n = 2 + (uint32_t)rnd(20);

		for (uint32_t k = 0; k < n; k++)
			p.share[k] = random_share(i % 5);
		plant_init(&p, n, 1, false);
		for (int change = 0; change < 20; change++) {
			uint64_t before[N_MAX], num, den;
			uint64_t slots = 1 + rnd(300);
			uint32_t which = (uint32_t)rnd(n);

			if (rnd(3)) {
				p.share[which] = random_share(i % 5);
				rounds_set_part(p.r, which, (struct part){ (uint32_t)p.share[which] });
			} else {
				uint32_t id;

				rounds_remove(p.r, which, p.now);
				rounds_add(p.r, (struct part){ (uint32_t)p.share[which] }, p.now, &id);
				assert_int_equal(id, which);
			}
			memcpy(before, p.run, sizeof(before));
			for (uint64_t t = 0; t < slots; t++)
				plant_slot(&p);
			rates(&p, &num, &den);
			for (uint32_t k = 0; k < n; k++) {
				double fair = (double)p.share[k] * (double)num / (double)den * (double)slots;
				double off = fair - (double)(p.run[k] - before[k]);

				/* Up to a slot ahead or behind from before, and up to a slot now. */
				if (off > 2.0 || off < -2.0)
					fail_msg("round %d change %d VM %u of %u off by %f", i, change, k, n,
						 off);
			}
		}
		rounds_free(p.r);
	}
}

/* VMs that leave right after their slot have taken it ahead of time: that must not pile up as others' lag. */
static void test_leaving_ahead(void **state)
{
	static struct plant p = { .share = { 60, 40 } };
	uint32_t id;

	(void)state;
	plant_init(&p, 2, 1, false);
	for (int i = 0; i < 500; i++) {
		uint64_t before;

		rounds_add(p.r, (struct part){ 20 }, p.now, &id);
		before = p.run[id];
		for (int t = 0; p.run[id] == before; t++) {
			assert_true(t < 8);
			plant_slot(&p);
		}
		rounds_remove(p.r, id, p.now);
	}
	rounds_free(p.r);
}

/* --- measured CPU time --------------------------------------------------------------------------- */

struct use {
	uint64_t least, most; /* of a slot, permille; uniform in between */
	uint64_t used_ns;
};

static void plant_slot_used(struct plant *p, struct use *u)
{
	struct slot_set set;
	uint32_t id[N_MAX], n;

	rounds_next(p->r, p->now, &set);
	p->now += SLOT_NS;
	assert_true(set.n <= p->lanes);
	memcpy(id, set.vm, (n = set.n) * sizeof(*id));
	for (uint32_t i = 0; i < n; i++) {
		struct use *v = &u[id[i]];
		uint64_t ns = SLOT_NS / 1000 * (v->least + rnd(v->most - v->least + 1));

		v->used_ns += ns;
		p->run[id[i]]++;
		assert_int_equal(rounds_report(p->r, id[i], ns, true, p->now), 0);
	}
}

/* How far VM i's CPU time is from its share of all that was used, slots. */
static double off_cpu(const struct plant *p, const struct use *u, uint32_t i)
{
	double used = 0, shares = 0;

	for (uint32_t k = 0; k < p->n; k++) {
		used += (double)u[k].used_ns;
		shares += (double)p->share[k];
	}
	return ((double)u[i].used_ns - used * (double)p->share[i] / shares) / (double)SLOT_NS;
}

static void plant_used(struct plant *p, struct use *u, uint32_t n, uint32_t lanes, int kind)
{
	p->lanes = lanes;
	p->n = n;
	for (uint32_t k = 0; k < n; k++) {
		p->share[k] = random_share(kind);
		u[k].used_ns = 0;
	}
	plant_init(p, n, lanes, false);
}

/* Ahead by a few slots at most (a slot may cost 1.35), and behind by what the others are ahead. */
static void assert_near_cpu(const struct plant *p, const struct use *u, int t)
{
	for (uint32_t i = 0; i < p->n; i++) {
		double off = off_cpu(p, u, i);

		if (off > 3 || off < -(double)p->n)
			fail_msg("VM %u of %u, %u lanes: %.3f slots off after %d", i, p->n, p->lanes, off, t);
	}
}

/* VMs get more or less out of their slots, each in its own way: what follows the shares is the CPU time. */
static void test_cpu_time(void **state)
{
	static struct plant p;
	static struct use u[N_MAX];

	(void)state;
	for (int i = 0; i < 400; i++) {
		uint32_t lanes = i & 1 ? 1 : 2 + (uint32_t)rnd(3);

		plant_used(&p, u, 2 + (uint32_t)rnd(3 * lanes + 4), lanes, i / 2 % 5);
		for (uint32_t k = 0; k < p.n; k++) {
			u[k].least = 750 + rnd(500);
			u[k].most = u[k].least + rnd(1250 - u[k].least);
		}
		for (int t = 0; t < 3000; t++) {
			plant_slot_used(&p, u);
			assert_near_cpu(&p, u, t);
		}
		rounds_free(p.r);
	}
}

/* Clocks are read while VMs run, and tell up to a tick too little, and so much more the next time. */
static void test_cpu_time_read_late(void **state)
{
	static struct plant p;
	static struct use u[N_MAX];

	(void)state;
	for (int i = 0; i < 50; i++) {
		plant_used(&p, u, 2 + (uint32_t)rnd(4), 1, i % 5);
		for (uint32_t k = 0; k < p.n; k++)
			u[k] = (struct use){ .least = k & 1 ? 1000 : 550, .most = k & 1 ? 1000 : 1350 };
		for (int t = 0; t < 3000; t++)
			plant_slot_used(&p, u);
		assert_near_cpu(&p, u, 3000);
		rounds_free(p.r);
	}
}

/*
 * Whoever leaves most of each slot unused gains nothing, and costs the others a bounded part of their time.
 */
static void test_idling_in_slots(void **state)
{
	static struct plant p = { .share = { 50, 50 } };
	static struct use u[N_MAX];

	(void)state;
	for (uint64_t part = 60; part <= 740; part += 20) {
		plant_init(&p, 2, p.lanes = 1, false);
		p.n = 2;
		u[0] = (struct use){ .least = part, .most = part };
		u[1] = (struct use){ .least = 1000, .most = 1000 };
		for (int t = 0; t < 3000; t++)
			plant_slot_used(&p, u);
		assert_true(u[0].used_ns < u[1].used_ns);
		/* 3/4 : 1 in charges: 3/7 of the slots instead of 1/2 */
		assert_in_range(p.run[1], 1285, 1287);
		/* And from a slot of saving on the other hand it cannot live: now it wants all. */
		u[0] = (struct use){ .least = 1000, .most = 1000, .used_ns = 0 };
		u[1].used_ns = 0;
		for (int t = 0; t < 100; t++) {
			plant_slot_used(&p, u);
			assert_true(u[0].used_ns <= u[1].used_ns + 3 * SLOT_NS);
		}
		rounds_free(p.r);
	}
}

/* A strict schedule counts slots, not what is done in them. */
static void test_strict_counts_slots(void **state)
{
	static struct plant p = { .share = { 60, 40 } };
	struct rounds_config c = {
		.policy = &policy_smooth, .slot_ns = SLOT_NS, .slots = 100, .lanes = 1, .strict = true};
	struct use u[2] = { { .least = 1200, .most = 1200 }, { .least = 500, .most = 500 } };

	(void)state;
	plant_init(&p, 2, 1, false);
	assert_int_equal(rounds_configure(p.r, &c, 0), 0);
	for (int t = 0; t < 1000; t++)
		plant_slot_used(&p, u);
	assert_int_equal(p.run[0], 600);
	assert_int_equal(p.run[1], 400);
	rounds_free(p.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lane),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_lanes_full_and_heavy),
		cmocka_unit_test(test_known_sequence),
		cmocka_unit_test(test_idle_time_is_shared_out),
		cmocka_unit_test(test_strict_leaves_slots_empty),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_leaving_ahead),
		cmocka_unit_test(test_cpu_time),
		cmocka_unit_test(test_cpu_time_read_late),
		cmocka_unit_test(test_idling_in_slots),
		cmocka_unit_test(test_strict_counts_slots),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/policy_smooth", tests, NULL, NULL);
}
