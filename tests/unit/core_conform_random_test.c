/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Conformance: random sequences against a reference that keeps all readings and goes through them by the words of
 * core/conform.c each time.
 */

#include "core/conform.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS NSEC_PER_MSEC
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
