/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a device demands: by hand, and by the definition on random trees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/demand.h"
#include "htb_world.h"

#include <errno.h>

#define MBIT 125000ULL
#define MS NSEC_PER_MSEC

static const struct rate capacity = { 100 * MBIT };

/* It sends at a rate, and is looked at every 20 ms for so long. Returns at how many looks something had changed. */
static int look_for(struct demand *d, uint64_t *now, uint64_t ms, uint64_t rate, bool waits)
{
	int changes = 0;

	for (uint64_t end = *now + ms * MS; *now < end;) {
		*now += 20 * MS;
		changes += demand_look(d, d->bytes + rate / 50, waits, capacity, *now);
	}
	return changes;
}

/* --- rates -------------------------------------------------------------------------------------- */

static void a_rate_is_measured(void **state)
{
	struct demand d = { .guaranteed = { 50 * MBIT }, .part = { 50 * MBIT } };
	uint64_t now = 1000 * NSEC_PER_SEC;

	(void)state;
	/* What was sent before the first look says nothing. */
	assert_false(demand_look(&d, 1000000000, false, capacity, now));
	assert_int_equal(d.sent.bytes_ps, 0);
	assert_true(look_for(&d, &now, 1000, 20 * MBIT, false) > 0);
	assert_int_equal(d.sent.bytes_ps, 20 * MBIT);
	assert_int_equal(d.steady.bytes_ps, 20 * MBIT);
	assert_int_equal(d.waited, 0);
	/* While it goes on so, there is nothing to do; nor when it varies a little. */
	assert_int_equal(look_for(&d, &now, 1000, 20 * MBIT, false), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(look_for(&d, &now, 20, (i % 2 ? 21 : 19) * MBIT, false), 0);
	/* Another rate is noticed soon, and it is right in the end. */
	assert_in_range(look_for(&d, &now, 400, 30 * MBIT, false), 1, 12);
	assert_in_range(d.steady.bytes_ps, 30 * MBIT - 2 * MBIT / 10, 30 * MBIT + 2 * MBIT / 10);
}

static void it_goes_idle_and_wakes(void **state)
{
	struct demand d = { .guaranteed = { 50 * MBIT }, .part = { 50 * MBIT } };
	uint64_t now = 1000 * NSEC_PER_SEC;

	(void)state;
	assert_false(demand_is_idle(&d));
	demand_wake(&d, now); /* before any look */
	look_for(&d, &now, 400, 20 * MBIT, false);
	assert_false(demand_is_idle(&d));
	assert_true(look_for(&d, &now, 220, 0, false) > 0);
	assert_true(demand_is_idle(&d));
	assert_int_equal(d.steady.bytes_ps, 0);
	/* An hour later its rate is that since it woke up, and a queue at the first look makes it backlogged. */
	now += 3600 * NSEC_PER_SEC;
	demand_wake(&d, now);
	assert_true(demand_look(&d, d.bytes + 2 * MBIT / 50, true, capacity, now + 20 * MS));
	assert_int_equal(d.sent.bytes_ps, 2 * MBIT);
	assert_false(demand_is_idle(&d));
	/* A class that was made anew counts from 0. */
	assert_int_equal(demand_look(&d, 100, false, capacity, now + 40 * MS), true);
	assert_int_equal(d.sent.bytes_ps, 0);
}

/* --- who is backlogged -------------------------------------------------------------------------- */

/* Two devices of equal shares; the one of them is always backlogged. */
struct pair {
	struct model m;
	struct demand d[3];
	struct rate entitled[3];
};

static void make_pair(struct pair *p, uint64_t *now)
{
	*p = (struct pair){ 0 };
	*now = 1000 * NSEC_PER_SEC;
	model_init(&p->m);
	add(&p->m, NODE_UPLINK, NODE_NONE, capacity.bytes_ps);
	for (int i = 1; i <= 2; i++) {
		uint32_t node = add(&p->m, NODE_DEVICE, 0, UINT64_MAX);

		p->m.nodes[node].share.weight = 1;
		p->d[i].guaranteed.bytes_ps = 50 * MBIT;
		p->d[i].limit = capacity;
		(void)demand_look(&p->d[i], 0, false, capacity, *now);
	}
}

/* What the second is entitled to after so long at a rate, with its queue at each third look, at each, or never. */
static uint64_t second_gets(uint64_t rate, int of_three)
{
	struct pair p;
	uint64_t now, other;

	make_pair(&p, &now);
	for (int i = 0; i < 60; i++) {
		other = now;
		(void)look_for(&p.d[1], &other, 20, capacity.bytes_ps - rate, true);
		(void)look_for(&p.d[2], &now, 20, rate, i % 3 < of_three);
	}
	assert_int_equal(demand_entitle(&p.m, 0, 3, p.d, p.entitled), 0);
	assert_true(p.d[1].backlogged);
	assert_int_equal(p.d[2].backlogged, p.entitled[2].bytes_ps == 50 * MBIT);
	model_free(&p.m);
	return p.entitled[2].bytes_ps;
}

static void by_hand(void **state)
{
	(void)state;
	assert_int_equal(second_gets(20 * MBIT, 0), 20 * MBIT);
	assert_int_equal(second_gets(20 * MBIT, 1), 20 * MBIT); /* a packet now and then */
	assert_int_equal(second_gets(20 * MBIT, 3), 50 * MBIT); /* it could send more */
	assert_int_equal(second_gets(41 * MBIT, 1), 50 * MBIT); /* a queue of two packets */
	assert_int_equal(second_gets(41 * MBIT, 0), 41 * MBIT);
	assert_int_equal(second_gets(50 * MBIT - 100000, 0), 50 * MBIT); /* 98 % */
	assert_int_equal(second_gets(0, 0), 0);
}

static void uplinks_apart(void **state)
{
	struct pair p;
	struct demand d[2] = { 0 };
	struct rate entitled[2];
	uint64_t now;

	(void)state;
	make_pair(&p, &now);
	add(&p.m, NODE_UPLINK, NODE_NONE, 10 * MBIT);
	add(&p.m, NODE_DEVICE, 3, UINT64_MAX);
	(void)demand_look(&d[1], 0, true, capacity, now);
	assert_int_equal(demand_entitle(&p.m, 3, 5, d, entitled), 0);
	assert_int_equal(entitled[0].bytes_ps, 10 * MBIT);
	assert_int_equal(entitled[1].bytes_ps, 10 * MBIT);
	model_free(&p.m);
}

/* --- by the definition -------------------------------------------------------------------------- */

static void some_readings(struct world *w, struct demand *d)
{
	for (uint32_t i = 0; i < w->m.n_nodes; i++) {
		d[i] = (struct demand){ .guaranteed = w->rate[i], .limit = w->limit[i] };
		if (w->m.nodes[i].kind != NODE_DEVICE || rnd() % 4 == 0)
			continue;
		d[i].sent.bytes_ps = w->rate[i].bytes_ps * (rnd() % 150) / 100;
		if (rnd() % 4 == 0)
			d[i].sent.bytes_ps += w->m.nodes[0].limit.bytes_ps / (1 + rnd() % 8);
		d[i].steady = d[i].mean = d[i].sent;
		d[i].looks = 3;
		d[i].waited = rnd() % 2 ? 0 : (uint8_t)(rnd() % 8);
	}
}

/* What device i would be entitled to if its own demand were unlimited, and the others' as they are. */
static uint64_t part_of(const struct world *w, const struct demand *d, uint32_t i)
{
	struct rate demand[SIM_NODES], out[SIM_NODES];

	for (uint32_t k = 0; k < w->m.n_nodes; k++)
		demand[k] = d[k].backlogged || k == i ? RATE_UNLIMITED : d[k].steady;
	assert_int_equal(entitle(&w->m, demand, out), 0);
	return out[i].bytes_ps;
}

static void by_the_definition(void **state)
{
	size_t backlogged = 0, others = 0;

	(void)state;
	for (int run = 0; run < 1000; run++) {
		struct demand d[SIM_NODES];
		struct rate entitled[SIM_NODES];
		struct world w = { 0 };

		make_world(&w, 48 * MBIT);
		some_readings(&w, d);
		assert_int_equal(demand_entitle(&w.m, 0, w.m.n_nodes, d, entitled), 0);
		for (uint32_t i = 0; i < w.m.n_nodes; i++) {
			uint64_t part, least;

			if (w.m.nodes[i].kind != NODE_DEVICE)
				continue;
			part = part_of(&w, d, i);
			least = part * (d[i].waited ? 80 : 98);
			/* Rounding may move a byte. */
			if (d[i].waited != 7 && d[i].sent.bytes_ps * 100 + 200 >= least &&
			    d[i].sent.bytes_ps * 100 <= least + 200)
				continue;
			assert_int_equal(d[i].backlogged,
					 d[i].waited == 7 || (d[i].sent.bytes_ps && d[i].sent.bytes_ps * 100 > least));
			assert_true(d[i].part.bytes_ps <= part + 2);
			assert_int_equal(d[i].entitled.bytes_ps, entitled[i].bytes_ps);
			backlogged += d[i].backlogged;
			others += !d[i].backlogged && d[i].sent.bytes_ps;
		}
		model_free(&w.m);
	}
	assert_true(backlogged > 500 && others > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_measured), cmocka_unit_test(it_goes_idle_and_wakes),
		cmocka_unit_test(by_hand),	      cmocka_unit_test(uplinks_apart),
		cmocka_unit_test(by_the_definition),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
