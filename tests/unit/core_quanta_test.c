/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Quanta: by hand, and whether HTB's round robin with them gives each leaf what it is entitled to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/quanta.h"
#include "htb_world.h"

#include <stdio.h>

#define MBIT 125000ULL

static struct quanta_leaf leaf(uint64_t rate, uint64_t entitled, uint32_t packet)
{
	return (struct quanta_leaf){ .rate = { rate * MBIT },
				     .entitled = { entitled * MBIT },
				     .limit = { 100 * MBIT },
				     .backlogged = entitled > 0,
				     .packet = packet };
}

/* --- by hand ------------------------------------------------------------------------------------ */

static void in_proportion_to_needs(void **state)
{
	const struct quanta_leaf l[] = { leaf(20, 50, 1514), leaf(20, 41, 1514), leaf(10, 20, 1514), leaf(20, 20, 0),
					 leaf(30, 0, 0) };
	struct quanta_class c[5];

	(void)state;
	quanta_divide(l, 5, (struct rate){ 131 * MBIT }, c);
	/* Needs of 30 and 21: the round takes one packet of the lesser. */
	assert_int_equal(c[1].quantum, 1514);
	assert_in_range(c[0].quantum, 1514 * 30 / 21 - 2, 1514 * 30 / 21 + 2);
	assert_int_equal(c[0].ceil.bytes_ps, 100 * MBIT);
	assert_int_equal(c[1].ceil.bytes_ps, 100 * MBIT);
	/* A need of 10 is worth less than a packet in that time. */
	assert_int_equal(c[2].quantum, 1514);
	assert_int_equal(c[2].ceil.bytes_ps, 20 * MBIT);
	/* No need, and packets that wait: not above its rate. Idle: as it is. */
	assert_int_equal(c[3].quantum, QUANTA_PACKET_MIN);
	assert_int_equal(c[3].ceil.bytes_ps, 20 * MBIT);
	assert_int_equal(c[4].ceil.bytes_ps, 100 * MBIT);
}

static void a_network_at_its_limit(void **state)
{
	struct quanta_leaf l[] = { leaf(20, 50, 1514), leaf(20, 50, 1514) };
	struct quanta_class c[2];

	(void)state;
	l[1].bounded = true;
	quanta_divide(l, 2, (struct rate){ 100 * MBIT }, c);
	assert_int_equal(c[0].ceil.bytes_ps, 100 * MBIT);
	assert_int_equal(c[1].ceil.bytes_ps, 50 * MBIT);
}

static void a_need_too_small_for_its_packet(void **state)
{
	struct quanta_leaf l[] = { leaf(50, 90, 65536), leaf(9, 10, 65536) };
	struct quanta_class c[2];

	(void)state;
	/* 65,536 bytes at 1 Mbit/s take half a second. */
	quanta_divide(l, 2, (struct rate){ 100 * MBIT }, c);
	assert_int_equal(c[1].quantum, 65536);
	assert_int_equal(c[1].ceil.bytes_ps, 10 * MBIT);
	assert_int_equal(c[0].ceil.bytes_ps, 100 * MBIT);
	/* A limit is never raised. */
	l[1].limit.bytes_ps = 9 * MBIT;
	quanta_divide(l, 2, (struct rate){ 100 * MBIT }, c);
	assert_int_equal(c[1].ceil.bytes_ps, 9 * MBIT);
}

static void extremes(void **state)
{
	const struct quanta_leaf l[] = { { .rate = { 1000 },
					   .entitled = { RATE_MAX_BYTES_PS },
					   .limit = { RATE_MAX_BYTES_PS },
					   .packet = UINT32_MAX },
					 { .rate = { RATE_MAX_BYTES_PS },
					   .limit = { RATE_MAX_BYTES_PS } } };
	struct quanta_class c[2];

	(void)state;
	quanta_divide(l, 2, (struct rate){ RATE_MAX_BYTES_PS }, c);
	assert_int_equal(c[0].quantum, INT32_MAX);
	assert_int_equal(c[1].quantum, QUANTA_PACKET_MIN);
	quanta_divide(l, 0, (struct rate){ RATE_MAX_BYTES_PS }, NULL);
}

/* --- HTB ---------------------------------------------------------------------------------------- */

/* Idle, steady, or backlogged. */
static void decide(struct world *w)
{
	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		uint64_t kind = rnd() % 4;

		w->demand[i] = RATE_UNLIMITED;
		if (kind == 0)
			w->demand[i] = RATE_ZERO;
		else if (kind == 1)
			w->demand[i].bytes_ps = w->rate[i].bytes_ps * (30 + rnd() % 60) / 100;
	}
	assert_int_equal(entitle(&w->m, w->demand, w->entitled), 0);
}

static bool is_bounded(const struct world *w, uint32_t i)
{
	for (i = w->m.nodes[i].parent; i != 0; i = w->m.nodes[i].parent)
		if ((double)w->entitled[i].bytes_ps >= 0.9 * (double)w->m.nodes[i].limit.bytes_ps)
			return true;
	return false;
}

static void fill_sim(struct world *w, uint32_t packet)
{
	struct quanta_leaf leaves[SIM_NODES];
	struct quanta_class out[SIM_NODES];
	uint32_t node[SIM_NODES], n = 0;

	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		if (w->m.nodes[i].kind != NODE_DEVICE)
			continue;
		node[n] = i;
		leaves[n++] = (struct quanta_leaf){ .rate = w->rate[i],
						    .entitled = w->entitled[i],
						    .backlogged = rate_is_unlimited(w->demand[i]),
						    .limit = w->limit[i],
						    .bounded = is_bounded(w, i),
						    .packet = packet };
	}
	quanta_divide(leaves, n, w->m.nodes[0].limit, out);
	w->sim = (struct sim){ .n = (uint32_t)w->m.n_nodes };
	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		struct sim_class *c = &w->sim.c[i];
		bool root = i == 0;

		c->parent = root ? SIM_NONE : w->m.nodes[i].parent;
		c->ceil = (double)w->limit[i].bytes_ps;
		c->rate = root ? c->ceil : 1000; /* networks: nominal */
		c->burst = c->cburst = 2 * packet;
	}
	for (uint32_t k = 0; k < n; k++) {
		struct sim_class *c = &w->sim.c[node[k]];

		c->leaf = true;
		c->rate = (double)w->rate[node[k]].bytes_ps;
		c->ceil = (double)out[k].ceil.bytes_ps;
		c->quantum = out[k].quantum;
		c->packet = packet;
		c->arrives = rate_is_unlimited(w->demand[node[k]]) ? -1 : (double)w->demand[node[k]].bytes_ps;
	}
}

static void like_the_specification(void **state)
{
	const uint64_t capacity = 48 * MBIT;
	double sum = 0, max = 0;
	enum { RUNS = 400 };

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct world w = { 0 };
		double error;

		make_world(&w, capacity);
		decide(&w);
		fill_sim(&w, 1514);
		sim_run(&w.sim, 1, 1e-4);
		for (uint32_t i = 0; i < w.m.n_nodes; i++)
			w.sim.c[i].sent = 0;
		sim_run(&w.sim, 5, 1e-4);
		error = worst(&w, 5);
		sum += error;
		max = fmax(max, error);
		if (error > 1)
			printf("# tree %d: %.2f points\n", run, error);
		model_free(&w.m);
	}
	printf("# worst leaf of a tree: mean %.3f, worst %.3f points of the uplink\n", sum / RUNS, max);
	assert_true(max <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_proportion_to_needs),
		cmocka_unit_test(a_network_at_its_limit),
		cmocka_unit_test(a_need_too_small_for_its_packet),
		cmocka_unit_test(extremes),
		cmocka_unit_test(like_the_specification),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
