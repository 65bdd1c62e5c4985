/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Conformance: hand-written sequences, and random ones against a reference that keeps all readings and goes through them
 * by the words of core/conform.c each time.
 */

#include "core/conform.h"

#include "random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MBIT(n) ((struct rate){ (n) * 125000ULL })
#define MS NSEC_PER_MSEC

/* A device on an uplink of 100 Mbit/s that is read every 20 ms. */
struct subject {
	struct conform c;
	struct conform_reading r;
	unsigned int missed, below, settled; /* told */
};

static void start(struct subject *s)
{
	*s = (struct subject){ .r = { .now_ns = NSEC_PER_SEC,
				      .backlogged = true,
				      .entitled = MBIT(50),
				      .reserve = MBIT(20),
				      .capacity = MBIT(100),
				      .packet = 1514 } };
	conform_read(&s->c, &s->r);
}

static void note(struct subject *s, unsigned int news)
{
	s->missed += (news & CONFORM_RESERVE_MISSED) != 0;
	s->below += (news & CONFORM_BELOW) != 0;
	s->settled += (news & CONFORM_SETTLED) != 0;
}

/* It sends at that rate for that long. */
static void run(struct subject *s, struct rate rate, unsigned int ms)
{
	for (unsigned int t = 0; t < ms; t += 20) {
		s->r.now_ns += 20 * MS;
		s->r.bytes += rate.bytes_ps / 50;
		note(s, conform_read(&s->c, &s->r));
	}
	assert_int_equal(s->c.reserve_missed, s->missed);
	assert_int_equal(s->c.below, s->below);
}

static void test_holds(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(50), 980);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(50), 20);
	assert_int_equal(s.c.measured_ns, s.r.now_ns);
	assert_int_equal(s.c.delivered.bytes_ps, MBIT(50).bytes_ps);
	assert_int_equal(s.c.entitled.bytes_ps, MBIT(50).bytes_ps);
	run(&s, MBIT(49), 20000);
	assert_int_equal(s.missed + s.below, 0);
	assert_int_equal(s.c.violated_ns, 0);
	assert_true(fabs(conform_error_pp(&s.c, s.r.capacity) + 1.0) < 0.001);
	/* Below by 1.9 of 100 is none. */
	run(&s, (struct rate){ MBIT(50).bytes_ps - 19 * 12500 }, 5000);
	assert_int_equal(s.below, 0);
}

static void test_below(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 1000);
	run(&s, MBIT(45), 3000);
	/* In whole seconds, the first of which begins 100 ms after it woke. */
	assert_int_equal(s.below, 2);
	assert_int_equal(s.c.violated_ns, NSEC_PER_SEC + 3100 * MS);
	assert_int_equal(s.missed, 0);
	assert_true(fabs(conform_error_pp(&s.c, s.r.capacity) + 5.0) < 0.001);
	/* Not backlogged it asks for no more. */
	s.r.backlogged = false;
	run(&s, MBIT(30), 5000);
	assert_int_equal(s.below, 2);
	/* Backlogged for less than a second at a time. */
	for (int i = 0; i < 5; i++) {
		s.r.backlogged = true;
		run(&s, MBIT(30), 900);
		s.r.backlogged = false;
		run(&s, MBIT(30), 20);
	}
	assert_int_equal(s.below, 2);
}

static void test_reserve(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	/* The first window after it woke does not count, and the second does. */
	run(&s, MBIT(10), 100);
	assert_int_equal(s.missed, 0);
	run(&s, MBIT(10), 100);
	assert_int_equal(s.missed, 1);
	run(&s, MBIT(20), 1000);
	assert_int_equal(s.missed, 1);
	/* Two packets less in 100 ms: 1,514 * 2 of 250,000 bytes. */
	run(&s, (struct rate){ MBIT(20).bytes_ps - 30000 }, 1000);
	assert_int_equal(s.missed, 1);
	run(&s, (struct rate){ MBIT(20).bytes_ps - 31000 }, 1000);
	assert_int_equal(s.missed, 11);
	assert_int_equal(s.c.violated_ns, s.r.now_ns);
}

/* At 1 Mbit/s 64 packets are 775 ms: so short is no window, and 780 ms is the first that is long enough. */
static void test_low_reserve(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.reserve = s.r.entitled = MBIT(1);
	run(&s, MBIT(1), 780);
	run(&s, RATE_ZERO, 760);
	assert_int_equal(s.missed, 0);
	run(&s, RATE_ZERO, 20);
	assert_int_equal(s.missed, 1);
}

/* A network cannot use its reserve where all that has packets in it is limited: its entitlement says so. */
static void test_cannot_use(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.entitled = MBIT(5);
	run(&s, MBIT(5), 5000);
	assert_int_equal(s.missed, 0);
}

static void test_sleep(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 980);
	conform_sleep(&s.c);
	s.r.now_ns += 100 * NSEC_PER_SEC;
	run(&s, MBIT(1), 100);
	assert_int_equal(s.missed, 0);
	/* A gap, and a class that was made anew, are as sleep. */
	s.r.now_ns += 2 * NSEC_PER_SEC;
	run(&s, MBIT(1), 100);
	s.r.bytes = 0;
	run(&s, MBIT(1), 100);
	assert_int_equal(s.missed, 0);
	assert_int_equal(s.c.measured_ns, 0);
	run(&s, MBIT(1), 2000);
	assert_in_range(s.missed, 19, 20);
	assert_int_equal(s.below, 1);
}

static void test_settles(void **state)
{
	struct subject s;
	uint64_t changed;

	(void)state;
	start(&s);
	run(&s, MBIT(50), 1000);
	assert_int_equal(s.settled, 0);
	changed = s.r.now_ns;
	conform_change(&s.c, changed);
	s.r.entitled = MBIT(70);
	run(&s, MBIT(50), 200);
	run(&s, MBIT(70), 20);
	assert_int_equal(s.c.settled_ns, 0);
	run(&s, MBIT(70), 400);
	assert_int_equal(s.settled, 1);
	/* In windows of 60 ms. */
	assert_in_range(s.c.settled_ns, changed + 200 * MS, changed + 260 * MS);
	run(&s, MBIT(10), 1000);
	assert_int_equal(s.settled, 1);
	/* It was right at once; then it is not. */
	conform_change(&s.c, s.r.now_ns);
	s.r.entitled = MBIT(10);
	changed = s.r.now_ns;
	run(&s, MBIT(10), 1000);
	assert_int_equal(s.settled, 2);
	assert_in_range(s.c.settled_ns, changed, changed + 20 * MS);
	/* Not measured: it was idle. */
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			conform_change(&s.c, s.r.now_ns);
		conform_sleep(&s.c);
		if (i == 1)
			conform_change(&s.c, s.r.now_ns);
		run(&s, MBIT(10), 1000);
		assert_int_equal(s.settled, 2);
		assert_int_equal(s.c.settled_ns, 0);
	}
	/* Never, while it swings. */
	conform_change(&s.c, s.r.now_ns);
	for (int i = 0; i < 20; i++) {
		run(&s, MBIT(20), 60);
		run(&s, MBIT(10), 120);
	}
	assert_int_equal(s.c.settled_ns, 0);
}

/* --- the reference -------------------------------------------------------------------------------- */

#define READINGS 400

struct history {
	struct conform_reading r[READINGS];
	bool anew[READINGS];    /* nothing before it counts */
	bool changed[READINGS]; /* conform_change() came right before it */
	size_t n;
};

typedef __int128 wide;

static uint64_t packet(const struct conform_reading *r)
{
	return r->packet ? r->packet : 1514;
}

/* From reading a to reading b, in byte-nanoseconds. reserve: no more than it. */
static wide due(const struct history *h, size_t a, size_t b, bool reserve)
{
	wide sum = 0;

	for (size_t i = a; i < b; i++) {
		uint64_t rate = h->r[i].entitled.bytes_ps;

		if (rate > h->r[i].capacity.bytes_ps)
			rate = h->r[i].capacity.bytes_ps;
		if (reserve && rate > h->r[i].reserve.bytes_ps)
			rate = h->r[i].reserve.bytes_ps;
		sum += (wide)rate * (h->r[i + 1].now_ns - h->r[i].now_ns);
	}
	return sum;
}

static wide sent(const struct history *h, size_t a, size_t b)
{
	return (wide)(h->r[b].bytes - h->r[a].bytes) * 1000000000;
}

static uint64_t long_as(const struct history *h, size_t a, size_t b)
{
	return h->r[b].now_ns - h->r[a].now_ns;
}

/* The first reading of the life that i is in. */
static size_t life(const struct history *h, size_t i)
{
	while (!h->anew[i])
		i--;
	return i;
}

static bool missed_at(const struct history *h, size_t last)
{
	bool first = true, missed = false, open = false;
	size_t a = 0;

	for (size_t i = life(h, last); i <= last; i++) {
		const struct conform_reading *r = &h->r[i];

		missed = false;
		if (!r->backlogged || !r->reserve.bytes_ps) {
			open = false;
		} else if (!open) {
			open = true;
			a = i;
		} else if (long_as(h, a, i) >= 100 * MS &&
			   (wide)long_as(h, a, i) >= (wide)64 * packet(r) * 1000000000 / r->reserve.bytes_ps) {
			missed = !first && sent(h, a, i) < due(h, a, i, true) - (wide)2 * packet(r) * 1000000000;
			first = false;
			a = i;
		}
	}
	return missed;
}

static bool below_at(const struct history *h, size_t last)
{
	bool below = false, open = false, seen = false;
	size_t a = 0, first = 0;

	for (size_t i = life(h, last); i <= last; i++) {
		const struct conform_reading *r = &h->r[i];

		below = false;
		if (!r->backlogged) {
			open = false;
			continue;
		}
		if (!seen)
			first = i;
		seen = true;
		if (long_as(h, first, i) < 100 * MS)
			continue;
		if (!open) {
			open = true;
			a = i;
		} else if (long_as(h, a, i) >= NSEC_PER_SEC) {
			below = due(h, a, i, false) - sent(h, a, i) > (wide)r->capacity.bytes_ps * long_as(h, a, i) / 50;
			a = i;
		}
	}
	return below;
}

/* The window that ended last, in any life: false: none did. */
static bool span_at(const struct history *h, size_t last, size_t *from, size_t *to)
{
	bool any = false;
	size_t a = 0;

	for (size_t i = 0; i <= last; i++) {
		if (h->anew[i]) {
			a = i;
		} else if (long_as(h, a, i) >= NSEC_PER_SEC) {
			any = true;
			*from = a;
			*to = i;
			a = i;
		}
	}
	return any;
}

/* 0: not yet. */
static uint64_t settled_at(const struct history *h, size_t last)
{
	size_t at = last, a = 0, good = 0;
	uint64_t since = 0;
	bool open = false;

	while (!h->changed[at] && at > 0)
		at--;
	if (!h->changed[at])
		return 0;
	for (size_t i = at; i <= last; i++) {
		wide off;

		if (h->anew[i])
			return 0;
		if (!open) {
			open = true;
			a = i;
			continue;
		}
		if (long_as(h, a, i) < 50 * MS)
			continue;
		off = sent(h, a, i) - due(h, a, i, false);
		if (off < 0)
			off = -off;
		if (off > (wide)h->r[i].capacity.bytes_ps * long_as(h, a, i) / 50 + (wide)2 * packet(&h->r[i]) * 1000000000)
			good = 0;
		else if (good++ == 0)
			since = h->r[a].now_ns;
		if (good == 3)
			return since;
		a = i;
	}
	return 0;
}

static void random_history(struct history *h)
{
	uint64_t now = 1 + rnd() % NSEC_PER_SEC, bytes = rnd() % 1000000, period = (5 + rnd() % 300) * MS;
	struct rate capacity = { 12500 + rnd() % 12500000 };
	unsigned int percent = 80 + (unsigned int)(rnd() % 40);
	bool often = rnd() % 2;

	*h = (struct history){ .n = READINGS };
	for (size_t i = 0; i < READINGS; i++) {
		struct conform_reading *r = &h->r[i];
		bool gap = i && rnd() % 100 == 0;
		uint64_t step = gap ? NSEC_PER_SEC + 1 + rnd() % NSEC_PER_SEC : period / 2 + rnd() % period;

		if (i == 0 || gap || rnd() % 200 == 0) {
			if (!gap && i)
				bytes = 0; /* its class was made anew */
			h->anew[i] = true;
		}
		*r = i ? h->r[i - 1] : *r;
		now += step;
		if (i == 0 || rnd() % 20 == 0) {
			r->entitled.bytes_ps = rnd() % (capacity.bytes_ps * 11 / 10);
			r->reserve.bytes_ps = rnd() % 3 ? rnd() % capacity.bytes_ps : 0;
			r->packet = rnd() % 4 ? (uint32_t)(rnd() % 9000) : 0;
			percent = 80 + (unsigned int)(rnd() % 40);
		}
		if (i && !h->anew[i]) {
			bytes = h->r[i - 1].bytes + (h->r[i - 1].entitled.bytes_ps * (step / 1000) / 1000000) * percent / 100;
			if (step > NSEC_PER_SEC)
				h->anew[i] = true;
		}
		if (i && h->anew[i] && !gap && bytes >= h->r[i - 1].bytes && step <= NSEC_PER_SEC)
			h->anew[i] = false; /* it had sent nothing: no reading can tell */
		r->now_ns = now;
		r->bytes = bytes;
		r->capacity = capacity;
		r->backlogged = often ? rnd() % 100 != 0 : rnd() % 10 != 0;
		h->changed[i] = rnd() % 60 == 0;
	}
}

static void test_random(void **state)
{
	static struct history h;
	uint64_t told[3] = { 0 };

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t missed = 0, below = 0, violated = 0;
		struct conform c = { 0 };

		random_history(&h);
		for (size_t i = 0; i < h.n; i++) {
			size_t from, to;
			unsigned int news;
			bool m = missed_at(&h, i), b = below_at(&h, i);

			if (h.changed[i])
				conform_change(&c, h.r[i].now_ns);
			news = conform_read(&c, &h.r[i]);
			assert_int_equal((news & CONFORM_RESERVE_MISSED) != 0, m);
			assert_int_equal((news & CONFORM_BELOW) != 0, b);
			missed += m;
			below += b;
			violated = m || b ? h.r[i].now_ns : violated;
			assert_int_equal(c.reserve_missed, missed);
			assert_int_equal(c.below, below);
			assert_int_equal(c.violated_ns, violated);
			assert_int_equal(c.settled_ns, settled_at(&h, i));
			told[2] += (news & CONFORM_SETTLED) != 0;
			if (!span_at(&h, i, &from, &to)) {
				assert_int_equal(c.measured_ns, 0);
				continue;
			}
			assert_int_equal(c.measured_ns, h.r[to].now_ns);
			assert_int_equal(c.delivered.bytes_ps, (uint64_t)(sent(&h, from, to) / long_as(&h, from, to)));
			assert_int_equal(c.entitled.bytes_ps,
					 (uint64_t)(due(&h, from, to, false) / long_as(&h, from, to)));
		}
		told[0] += missed;
		told[1] += below;
	}
	printf("# %d windows of reserves missed, %d seconds below, %d times settled\n", (int)told[0], (int)told[1],
	       (int)told[2]);
	for (int i = 0; i < 3; i++)
		assert_true(told[i] > 100);
}

/* The largest numbers that there are. */
static void test_extremes(void **state)
{
	struct subject s;

	(void)state;
	start(&s);
	s.r.capacity = s.r.entitled = s.r.reserve = (struct rate){ RATE_MAX_BYTES_PS };
	s.r.packet = UINT32_MAX;
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.c.delivered.bytes_ps, RATE_MAX_BYTES_PS);
	s.r.entitled = RATE_UNLIMITED;
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.c.entitled.bytes_ps, RATE_MAX_BYTES_PS);
	s.r.reserve = (struct rate){ 1 };
	run(&s, s.r.capacity, 10000);
	assert_int_equal(s.below, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),      cmocka_unit_test(test_below),   cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_low_reserve), cmocka_unit_test(test_cannot_use), cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_settles),    cmocka_unit_test(test_random),  cmocka_unit_test(test_extremes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
