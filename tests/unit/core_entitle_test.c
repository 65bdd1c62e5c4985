/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Water-filling against bisection on the water level, on random forests. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/entitle.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MBIT 125000ULL

static uint32_t add(struct model *m, enum node_kind kind, uint32_t parent, uint32_t weight, uint64_t limit)
{
	struct node node = { .kind = kind, .parent = parent, .share = { weight }, .limit = { limit } };
	int64_t i = model_add(m, &node);

	assert_true(i >= 0);
	return (uint32_t)i;
}

static uint32_t uplink(struct model *m, uint64_t capacity)
{
	return add(m, NODE_UPLINK, NODE_NONE, 1, capacity);
}

static uint32_t device(struct model *m, uint32_t parent, uint32_t weight)
{
	return add(m, NODE_DEVICE, parent, weight, UINT64_MAX);
}

static void nothing(void **state)
{
	struct model m;

	(void)state;
	model_init(&m);
	assert_int_equal(entitle(&m, NULL, NULL), 0);
}

static void an_uplink_without_devices(void **state)
{
	struct rate demand[1] = { RATE_UNLIMITED }, out[1] = { RATE_UNLIMITED };
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, 100 * MBIT);
	assert_int_equal(entitle(&m, demand, out), 0);
	assert_int_equal(out[0].bytes_ps, 0);
	model_free(&m);
}

/* What a person expects, by hand. */
static void by_hand(void **state)
{
	struct rate d[8], out[8];
	struct model m;
	uint32_t net;

	(void)state;
	model_init(&m);
	uplink(&m, 100 * MBIT);
	device(&m, 0, 60);
	device(&m, 0, 40);
	for (int i = 0; i < 8; i++)
		d[i] = RATE_UNLIMITED;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[0].bytes_ps, 100 * MBIT);
	assert_int_equal(out[1].bytes_ps, 60 * MBIT);
	assert_int_equal(out[2].bytes_ps, 40 * MBIT);

	/* One wants little: the other gets the rest. */
	d[1].bytes_ps = 10 * MBIT;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 10 * MBIT);
	assert_int_equal(out[2].bytes_ps, 90 * MBIT);

	/* One is limited, and the sum falls below the capacity. */
	m.nodes[2].limit.bytes_ps = 30 * MBIT;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[0].bytes_ps, 40 * MBIT);
	assert_int_equal(out[2].bytes_ps, 30 * MBIT);

	/* A network of share 40 with two inside, of which one sleeps. */
	net = add(&m, NODE_NETWORK, 0, 60, UINT64_MAX);
	device(&m, net, 1);
	device(&m, net, 2);
	d[1] = RATE_ZERO;
	m.nodes[2].limit = RATE_UNLIMITED;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 0);
	assert_int_equal(out[2].bytes_ps, 40 * MBIT);
	assert_int_equal(out[net].bytes_ps, 60 * MBIT);
	assert_int_equal(out[net + 1].bytes_ps, 20 * MBIT);
	assert_int_equal(out[net + 2].bytes_ps, 40 * MBIT);
	d[net + 1] = RATE_ZERO;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[net + 2].bytes_ps, 60 * MBIT);
	model_free(&m);
}

/* The greater of reserve and share, never their sum. */
static void reserves_by_hand(void **state)
{
	struct rate d[6], out[6];
	struct model m;
	uint32_t net;

	(void)state;
	model_init(&m);
	uplink(&m, 100 * MBIT);
	device(&m, 0, 1);
	device(&m, 0, 1);
	device(&m, 0, 1);
	m.nodes[1].reserve.bytes_ps = 50 * MBIT;
	for (int i = 0; i < 6; i++)
		d[i] = RATE_UNLIMITED;
	d[3] = RATE_ZERO;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 50 * MBIT);
	assert_int_equal(out[2].bytes_ps, 50 * MBIT);

	/* The third wants 20. */
	d[3].bytes_ps = 20 * MBIT;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 50 * MBIT);
	assert_int_equal(out[2].bytes_ps, 30 * MBIT);

	/* What is reserved and not demanded is lent. */
	d[1].bytes_ps = 10 * MBIT;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 10 * MBIT);
	assert_int_equal(out[2].bytes_ps, 70 * MBIT);

	/* A network's reserve is the sum of its children's, and stays in the network. */
	net = add(&m, NODE_NETWORK, 0, 1, UINT64_MAX);
	device(&m, net, 1);
	m.nodes[net + 1].reserve.bytes_ps = 60 * MBIT;
	m.nodes[1].reserve = RATE_ZERO;
	d[1] = d[3] = RATE_UNLIMITED;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[net].bytes_ps, 60 * MBIT);
	assert_int_equal(out[net + 1].bytes_ps, 60 * MBIT);
	assert_int_equal(out[1].bytes_ps + out[2].bytes_ps + out[3].bytes_ps, 40 * MBIT);

	/* Reserves that do not fit are cut in proportion. */
	m.nodes[1].reserve.bytes_ps = 140 * MBIT;
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 70 * MBIT);
	assert_int_equal(out[net].bytes_ps, 30 * MBIT);
	assert_int_equal(out[2].bytes_ps, 0);
	model_free(&m);
}

static void whole_bytes_by_largest_remainder(void **state)
{
	struct rate d[4] = { RATE_UNLIMITED, RATE_UNLIMITED, RATE_UNLIMITED, RATE_UNLIMITED }, out[4];
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, 100 * MBIT);
	device(&m, 0, 1);
	device(&m, 0, 1);
	device(&m, 0, 1);
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 4166667);
	assert_int_equal(out[2].bytes_ps, 4166667);
	assert_int_equal(out[3].bytes_ps, 4166666);
	model_free(&m);
}

/* --- the reference ---------------------------------------------------------------------------- */

/* What a node could take at most, by recursion. */
static double most(const struct model *m, const struct rate *demand, uint32_t i)
{
	const struct node *node = &m->nodes[i];
	double limit = (double)node->limit.bytes_ps, sum = 0;

	if (node->kind == NODE_DEVICE)
		return fmin(limit, (double)demand[i].bytes_ps);
	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i)
			sum += most(m, demand, k);
	return fmin(limit, sum);
}

/* The reserve, as far as the node could take it, by recursion. */
static double reserve(const struct model *m, uint32_t i)
{
	double sum = 0;

	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i)
			sum += reserve(m, k);
	return fmax(sum, (double)m->nodes[i].reserve.bytes_ps);
}

static double at_level(const struct model *m, const struct rate *demand, uint32_t i, double level)
{
	double floor = reserve(m, i), part = level * m->nodes[i].share.weight;

	return fmin(most(m, demand, i), fmax(floor, part));
}

/* Bisect the water level under which the children take what the node got. */
static void reference(const struct model *m, const struct rate *demand, uint32_t i, double got, double *out)
{
	double low = 0, high = 1e18;

	out[i] = got;
	for (int step = 0; step < 200; step++) {
		double level = (low + high) / 2, sum = 0;

		for (uint32_t k = i + 1; k < m->n_nodes; k++)
			if (m->nodes[k].parent == i)
				sum += at_level(m, demand, k, level);
		if (sum < got)
			low = level;
		else
			high = level;
	}
	for (uint32_t k = i + 1; k < m->n_nodes; k++) {
		if (m->nodes[k].parent != i)
			continue;
		reference(m, demand, k, at_level(m, demand, k, high), out);
	}
}

static uint64_t some_limit(uint64_t capacity)
{
	return rnd() % 3 ? UINT64_MAX : 1 + rnd() % capacity;
}

static void grow(struct model *m, uint32_t parent, uint64_t capacity, int depth)
{
	uint32_t n = (uint32_t)(rnd() % 5);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t weight = 1 + (uint32_t)(rnd() % (rnd() % 4 ? 100 : SHARE_MAX));

		if (depth && rnd() % 2)
			grow(m, add(m, NODE_NETWORK, parent, weight, some_limit(capacity)), capacity,
			     depth - 1);
		else
			add(m, NODE_DEVICE, parent, weight, some_limit(capacity));
	}
}

/* Reserves that fit, in the subtree of a node that has this much for them. Returns what it takes. */
static uint64_t grant(struct model *m, uint32_t i, uint64_t budget)
{
	struct node *node = &m->nodes[i];
	uint64_t sum = 0;

	if (node->limit.bytes_ps < budget)
		budget = node->limit.bytes_ps;
	if (node->kind == NODE_DEVICE) {
		node->reserve.bytes_ps = rnd() % 2 ? rnd() % (budget + 1) : 0;
		return node->reserve.bytes_ps;
	}
	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i)
			sum += grant(m, k, rnd() % 4 ? rnd() % (budget - sum + 1) : budget - sum);
	if (node->kind == NODE_UPLINK || rnd() % 2)
		return sum;
	node->reserve.bytes_ps = sum + rnd() % (budget - sum + 1);
	return node->reserve.bytes_ps;
}

/* Sums exact at every node, none above limit or demand, none below the part of its reserve that it can take. */
static void check_exact(const struct model *m, const struct rate *demand, const struct rate *out)
{
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct node *node = &m->nodes[i];
		uint64_t sum = 0;

		assert_true(out[i].bytes_ps <= node->limit.bytes_ps);
		if (node->kind != NODE_UPLINK)
			assert_true((double)out[i].bytes_ps >=
				    fmin(reserve(m, i), most(m, demand, i)) * (1 - 1e-12));
		if (node->kind == NODE_DEVICE) {
			assert_true(out[i].bytes_ps <= demand[i].bytes_ps);
			continue;
		}
		for (uint32_t k = i + 1; k < m->n_nodes; k++)
			if (m->nodes[k].parent == i)
				sum += out[k].bytes_ps;
		assert_int_equal(sum, out[i].bytes_ps);
		if (node->kind == NODE_UPLINK)
			assert_true(fabs((double)sum - most(m, demand, i)) < 1e-3);
	}
}

static void like_bisection(void **state)
{
	(void)state;
	for (int run = 0; run < 3000; run++) {
		uint64_t capacity = 1 + (rnd() % RATE_MAX_BYTES_PS >> (rnd() % 30));
		struct rate demand[4096], out[4096];
		double want[4096] = { 0 };
		struct model m;

		model_init(&m);
		for (int k = 0; k < 2; k++)
			grow(&m, uplink(&m, capacity), capacity, 3);
		for (uint32_t i = 0; i < m.n_nodes && run % 4; i++)
			if (m.nodes[i].kind == NODE_UPLINK)
				grant(&m, i, capacity);
		for (uint32_t i = 0; i < m.n_nodes; i++) {
			uint64_t kind = rnd() % 4;

			demand[i] = kind == 0 ? RATE_ZERO : RATE_UNLIMITED;
			if (kind == 1)
				demand[i].bytes_ps = rnd() % capacity;
		}
		assert_int_equal(entitle(&m, demand, out), 0);
		check_exact(&m, demand, out);
		for (uint32_t i = 0; i < m.n_nodes; i++)
			if (m.nodes[i].kind == NODE_UPLINK)
				reference(&m, demand, i, most(&m, demand, i), want);
		/* One byte a level of rounding; doubles hold 2^53. */
		for (uint32_t i = 0; i < m.n_nodes; i++)
			assert_true(fabs((double)out[i].bytes_ps - want[i]) < 5 + want[i] * 1e-9);
		model_free(&m);
	}
}

/* --- sizes and ends ---------------------------------------------------------------------------- */

static void ten_thousand(void **state)
{
	struct rate *demand = calloc(10001, sizeof(*demand)), *out = calloc(10001, sizeof(*out));
	uint64_t sum = 0, weights = 0;
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, RATE_MAX_BYTES_PS);
	for (uint32_t i = 1; i <= 10000; i++) {
		device(&m, 0, 1 + (uint32_t)(rnd() % SHARE_MAX));
		weights += m.nodes[i].share.weight;
	}
	for (uint32_t i = 1; i <= 10000; i++)
		demand[i] = RATE_UNLIMITED;
	assert_int_equal(entitle(&m, demand, out), 0);
	for (uint32_t i = 1; i <= 10000; i++) {
		double exact = (double)RATE_MAX_BYTES_PS * m.nodes[i].share.weight / (double)weights;

		assert_true(fabs((double)out[i].bytes_ps - exact) < 1.001);
		sum += out[i].bytes_ps;
	}
	assert_int_equal(sum, RATE_MAX_BYTES_PS);
	model_free(&m);
	free(demand);
	free(out);
}

/* 4,096 weights of 2^19 and demands of 2^34: a product of 64 bits would be 0, and everybody satisfied. */
static void demand_times_weights_overflows(void **state)
{
	struct rate demand[4097], out[4097];
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, RATE_MAX_BYTES_PS);
	for (uint32_t i = 1; i <= 4096; i++) {
		device(&m, 0, 1 << 19);
		demand[i].bytes_ps = 1ULL << 34;
	}
	assert_int_equal(entitle(&m, demand, out), 0);
	for (uint32_t i = 1; i <= 4096; i++)
		assert_int_equal(out[i].bytes_ps, RATE_MAX_BYTES_PS / 4096 + (i <= RATE_MAX_BYTES_PS % 4096));
	model_free(&m);
}

static void no_share_counts_as_one(void **state)
{
	struct rate d[3] = { RATE_UNLIMITED, RATE_UNLIMITED, RATE_UNLIMITED }, out[3];
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, 10);
	device(&m, 0, 0);
	device(&m, 0, 0);
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[1].bytes_ps, 5);
	assert_int_equal(out[2].bytes_ps, 5);
	model_free(&m);
}

/* Nothing bounds anything: sums saturate instead of wrapping. */
static void no_bounds_at_all(void **state)
{
	struct rate d[4] = { RATE_UNLIMITED, RATE_UNLIMITED, RATE_UNLIMITED, RATE_UNLIMITED }, out[4];
	struct model m;

	(void)state;
	model_init(&m);
	uplink(&m, UINT64_MAX);
	device(&m, 0, 1);
	device(&m, 0, SHARE_MAX);
	device(&m, 0, SHARE_MAX);
	assert_int_equal(entitle(&m, d, out), 0);
	assert_int_equal(out[0].bytes_ps, UINT64_MAX);
	assert_int_equal(out[1].bytes_ps + out[2].bytes_ps + out[3].bytes_ps, UINT64_MAX);
	assert_true(out[1].bytes_ps < out[2].bytes_ps);
	model_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(an_uplink_without_devices),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(reserves_by_hand),
		cmocka_unit_test(whole_bytes_by_largest_remainder),
		cmocka_unit_test(like_bisection),
		cmocka_unit_test(ten_thousand),
		cmocka_unit_test(demand_times_weights_overflows),
		cmocka_unit_test(no_share_counts_as_one),
		cmocka_unit_test(no_bounds_at_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
