/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/cleanup.h"
#include "lab/measure/entitled.h"
#include "lab/measure/kinds.h"
#include "lab/measure/measure.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS NSEC_PER_MSEC
#define S NSEC_PER_SEC

static void near(double got, double want, double eps)
{
	if (!(fabs(got - want) <= eps))
		fail_msg("%.9f is not %.9f", got, want);
}

/* One frame of bytes every gap_ns from from_ns on. */
static struct trace steady(struct sample *s, size_t n, uint64_t from_ns, uint64_t gap_ns, uint32_t bytes)
{
	for (size_t i = 0; i < n; i++)
		s[i] = (struct sample){ from_ns + i * gap_ns, bytes };
	return (struct trace){ s, n };
}

static void test_steady(void **state)
{
	(void)state;
	struct window w = measure_steady((struct window){ 5 * S, 25 * S });

	assert_int_equal(w.from_ns, 7 * S);
	assert_int_equal(w.to_ns, 25 * S);
	w = measure_steady((struct window){ 5 * S, 6 * S });
	assert_int_equal(w.from_ns, w.to_ns);
}

static void test_slice(void **state)
{
	(void)state;
	struct sample s[1000];
	struct trace t = steady(s, 1000, 1 * S, MS, 100);
	struct trace in;

	/* Half open: the first is in, the last is out. */
	in = measure_slice(t, (struct window){ 1 * S, 1 * S + 10 * MS });
	assert_int_equal(in.n, 10);
	assert_ptr_equal(in.s, s);
	assert_int_equal(measure_bytes(in), 1000);
	assert_int_equal(measure_slice(t, (struct window){ 0, 1 * S }).n, 0);
	assert_int_equal(measure_slice(t, (struct window){ 0, 100 * S }).n, 1000);
	assert_int_equal(measure_slice(t, (struct window){ 2 * S, 1 * S }).n, 0);
	assert_int_equal(measure_slice((struct trace){ NULL, 0 }, (struct window){ 0, S }).n, 0);
	near(measure_mbps(12500000, (struct window){ S, 2 * S }), 100, 1e-9);
	near(measure_mbps(1, (struct window){ S, S }), 0, 0);
}

static void test_slice_brute(void **state)
{
	(void)state;
	struct sample s[300];
	uint64_t at = 0;

	srand(1);
	for (size_t i = 0; i < 300; i++) {
		at += (uint64_t)(rand() % 5); /* equal times too */
		s[i] = (struct sample){ at, (uint32_t)rand() % 1500 };
	}
	for (int turn = 0; turn < 2000; turn++) {
		struct window w = { (uint64_t)rand() % 700, (uint64_t)rand() % 700 };
		uint64_t want = 0;

		for (size_t i = 0; i < 300; i++)
			want += s[i].ns >= w.from_ns && s[i].ns < w.to_ns ? s[i].bytes : 0;
		assert_int_equal(measure_bytes(measure_slice((struct trace){ s, 300 }, w)), want);
	}
}

static void test_sort(void **state)
{
	(void)state;
	struct sample s[] = { { 5, 1 }, { 3, 2 }, { 4, 3 }, { 9, 4 }, { 8, 5 }, { 8, 6 } };
	const uint32_t want[] = { 2, 3, 1, 5, 6, 4 };

	measure_sort(s, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(s[i].bytes, want[i]);
	measure_sort(s, 0);
}

static void test_shares(void **state)
{
	(void)state;
	const uint64_t bytes[] = { 606, 394, 500 };
	const struct share shares[] = { { 60 }, { 40 }, { 100 } };
	const bool backlogged[] = { true, true, false };
	double pct[3] = { -1, -1, -1 }, err[3] = { -1, -1, -1 };

	assert_int_equal(measure_shares(bytes, shares, backlogged, 3, pct, err), 0);
	near(pct[0], 60.6, 1e-9);
	near(err[0], 0.6, 1e-9);
	near(err[1], -0.6, 1e-9);
	assert_true(isnan(pct[2]) && isnan(err[2]));

	assert_int_equal(measure_shares(bytes, shares, NULL, 3, pct, err), 0);
	near(pct[2], 100.0 / 3, 1e-9);
	near(err[2], 100.0 / 3 - 50, 1e-9);

	const uint64_t none[] = { 0, 0, 0 };
	pct[0] = -1;
	assert_int_equal(measure_shares(none, shares, NULL, 3, pct, err), -ENODATA);
	near(pct[0], -1, 0);
}

static void test_utilisation_and_jain(void **state)
{
	(void)state;
	struct rate capacity = { 12500000 };
	const uint64_t fair[] = { 600, 400 }, one[] = { 1000, 0 }, none[] = { 0, 0 };
	const struct share shares[] = { { 60 }, { 40 } };

	near(measure_utilisation(12500000, capacity, (struct window){ 0, S }), 1, 1e-12);
	near(measure_utilisation(12375000, capacity, (struct window){ S, 2 * S }), 0.99, 1e-12);
	near(measure_utilisation(1, capacity, (struct window){ S, S }), 0, 0);
	near(measure_jain(fair, shares, 2), 1, 1e-12);
	near(measure_jain(one, shares, 2), 0.5, 1e-12);
	assert_true(isnan(measure_jain(none, shares, 2)));
}

static void test_quantile(void **state)
{
	(void)state;
	uint64_t v[1000];

	for (size_t i = 0; i < 1000; i++)
		v[i] = i + 1;
	assert_int_equal(measure_quantile(v, 1000, 0.5), 500);
	assert_int_equal(measure_quantile(v, 1000, 0.99), 990);
	assert_int_equal(measure_quantile(v, 1000, 0.999), 999);
	assert_int_equal(measure_quantile(v, 1000, 1), 1000);
	assert_int_equal(measure_quantile(v, 1000, 0.0001), 1);
	assert_int_equal(measure_quantile(v, 1, 0.999), 1);
	/* Against the definition, for every small n. */
	for (size_t n = 1; n <= 300; n++)
		for (int q = 1; q <= 1000; q += 7) {
			size_t rank = 1;

			while (rank * 1000 < (size_t)q * n)
				rank++;
			assert_int_equal(measure_quantile(v, n, q / 1000.0), rank);
		}
}

static void test_gaps(void **state)
{
	(void)state;
	struct sample s[1001];
	struct gaps g = { .n = 77 };

	assert_int_equal(measure_gaps(steady(s, 1, 0, MS, 1), &g), -ENODATA);
	assert_int_equal(g.n, 77);
	assert_int_equal(measure_gaps(steady(s, 1001, S, 100000, 1), &g), 0);
	assert_int_equal(g.n, 1000);
	near(g.mean_ms, 0.1, 1e-9);
	near(g.sd_ms, 0, 1e-9);
	near(g.p999_ms, 0.1, 1e-9);
	near(g.left_out, 0, 0);

	/* A host stall: one gap of 100 ms moves sd and mean, not p50 and p99. */
	s[1000].ns += 99900000;
	assert_int_equal(measure_gaps((struct trace){ s, 1001 }, &g), 0);
	near(g.p50_ms, 0.1, 1e-9);
	near(g.p99_ms, 0.1, 1e-9);
	near(g.p999_ms, 0.1, 1e-9);
	near(g.mean_ms, 0.1999, 1e-6);
	near(g.sd_ms, 3.1575, 1e-3); /* 99.9 * sqrt(0.001 * 0.999) */
}

static void test_gaps_inside(void **state)
{
	(void)state;
	/* Runs of 10 frames 0.1 ms apart in slots 0..10 and 20..30 ms, 19.1 ms between them. */
	struct sample s[20];
	const struct window slots[] = { { 0, 10 * MS }, { 12 * MS, 14 * MS }, { 20 * MS, 30 * MS } };
	struct gaps g;

	steady(s, 10, 0, 100000, 1);
	steady(s + 10, 10, 20 * MS, 100000, 1);
	assert_int_equal(measure_gaps_inside((struct trace){ s, 20 }, slots, 3, &g), 0);
	assert_int_equal(g.n, 18);
	near(g.p999_ms, 0.1, 1e-9);
	near(g.left_out, 1.0 / 19, 1e-9);
	assert_int_equal(measure_gaps((struct trace){ s, 20 }, &g), 0);
	assert_int_equal(g.n, 19);
	near(g.p999_ms, 19.1, 1e-9);
	assert_int_equal(measure_gaps_inside((struct trace){ s, 20 }, slots, 0, &g), -ENODATA);
	/* A gap from one slot right into the next is not inside either. */
	const struct window adjacent[] = { { 0, 450000 }, { 450000, 10 * MS } };
	assert_int_equal(measure_gaps_inside((struct trace){ s, 10 }, adjacent, 2, &g), 0);
	assert_int_equal(g.n, 8);
}

static void test_gaps_inside_brute(void **state)
{
	(void)state;
	srand(2);
	for (int turn = 0; turn < 300; turn++) {
		struct sample s[60];
		struct window slots[8];
		uint64_t at = 0, sum = 0;
		struct gaps g;
		size_t n = 0;

		for (size_t i = 0; i < 60; i++)
			s[i] = (struct sample){ at += 1 + (uint64_t)rand() % 20, 1 };
		at = 0;
		for (size_t i = 0; i < 8; i++) {
			slots[i].from_ns = at += (uint64_t)rand() % 30;
			slots[i].to_ns = at += 1 + (uint64_t)rand() % 80;
		}
		for (size_t i = 1; i < 60; i++)
			for (size_t k = 0; k < 8; k++)
				if (s[i - 1].ns >= slots[k].from_ns && s[i].ns < slots[k].to_ns) {
					n++;
					sum += s[i].ns - s[i - 1].ns;
				}
		if (n == 0)
			continue;
		assert_int_equal(measure_gaps_inside((struct trace){ s, 60 }, slots, 8, &g), 0);
		assert_int_equal(g.n, n);
		near(g.mean_ms, (double)sum / (double)n / 1e6, 1e-12);
		near(g.left_out, 1 - (double)n / 59, 1e-12);

		/* What is not inside is across: together all gaps, that is the time from first to last. */
		if (n == 59)
			continue;
		assert_int_equal(measure_gaps_across((struct trace){ s, 60 }, slots, 8, &g), 0);
		assert_int_equal(g.n, 59 - n);
		near(g.mean_ms, (double)(s[59].ns - s[0].ns - sum) / (double)(59 - n) / 1e6, 1e-12);
	}
}

/* Two VMs at 60:40 that become 40:60 after delay_ms: 100 frames of 100 B a 10 ms, shared out. */
static void change(struct sample *a, struct sample *b, struct trace t[2], uint64_t delay_ms)
{
	size_t na = 0, nb = 0;

	for (uint64_t k = 0; k < 200000; k++) {
		uint64_t ns = k * 100000;
		bool to_a = k % 10 < (ns < delay_ms * MS ? 6 : 4);

		if (to_a)
			a[na++] = (struct sample){ ns, 100 };
		else
			b[nb++] = (struct sample){ ns, 100 };
	}
	t[0] = (struct trace){ a, na };
	t[1] = (struct trace){ b, nb };
}

static double of_kind(const char *name, struct trace t, struct window w)
{
	for (size_t k = 0; k < measure_n_kinds; k++)
		if (strcmp(measure_kinds[k].name, name) == 0)
			return measure_kinds[k].of(t, w);
	fail_msg("no measure %s", name);
	return (double)NAN;
}

static void test_kinds(void **state)
{
	(void)state;
	struct sample s[4000];
	const struct window w = { 1 * S, 5 * S };

	near(of_kind("swing_200ms_pct", steady(s, 4000, 1 * S, MS, 100), w), 0, 1e-9);
	/* half of the time at twice the rate, then nothing: a window has twice the mean, or nothing */
	near(of_kind("swing_200ms_pct", steady(s, 2000, 1 * S, MS, 100), w), 100, 1e-9);
	assert_true(isnan(of_kind("swing_200ms_pct", (struct trace){}, w)));
	/* the report makes a column of each */
	for (size_t k = 0; k < measure_n_kinds; k++)
		assert_true(measure_kinds[k].head[0] && !strpbrk(measure_kinds[k].name, " .\"") && measure_kinds[k].digits < 7);
}

static void test_settled(void **state)
{
	(void)state;
	struct sample *a = calloc(200000, sizeof(*a)), *b = calloc(200000, sizeof(*b));
	const struct share shares[] = { { 40 }, { 60 } };
	struct window after = { 0, 5 * S };
	struct trace t[2];
	uint64_t ns = 77;

	assert_non_null(a);
	assert_non_null(b);
	change(a, b, t, 0);
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_udp, &ns), 0);
	assert_int_equal(ns, 0);
	/*
	 * The grid begins at the acknowledgement: 130 ms lies in the third window, the fourth is the first
	 * good one.
	 */
	change(a, b, t, 130);
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_udp, &ns), 0);
	assert_int_equal(ns, 150 * MS);
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_tcp, &ns), 0);
	assert_int_equal(ns, 250 * MS);
	after.from_ns = 30 * MS;
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_udp, &ns), 0);
	assert_int_equal(ns, 100 * MS);
	/* Not three windows left, never, and nothing delivered at all. */
	ns = 77;
	after = (struct window){ 0, 299 * MS };
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_udp, &ns), -ETIME);
	change(a, b, t, 100000);
	assert_int_equal(measure_settled(t, shares, 2, (struct window){ 0, 5 * S }, &settle_udp, &ns),
			 -ETIME);
	t[0].n = t[1].n = 0;
	assert_int_equal(measure_settled(t, shares, 2, (struct window){ 0, 5 * S }, &settle_udp, &ns),
			 -ETIME);
	assert_int_equal(ns, 77);
	free(a);
	free(b);
}

/* A good window, then a bad one, then three good ones: the run must be unbroken. */
static void test_settled_unbroken(void **state)
{
	(void)state;
	struct sample a[50], b[50];
	const struct share shares[] = { { 1 }, { 1 } };
	struct window after = { 0, 250 * MS };
	uint64_t ns;

	steady(a, 50, 0, 5 * MS, 100);
	steady(b, 50, 0, 5 * MS, 100);
	for (size_t i = 10; i < 20; i++) /* 50..100 ms */
		b[i].bytes = 50;
	struct trace t[] = { { a, 50 }, { b, 50 } };
	assert_int_equal(measure_settled(t, shares, 2, after, &settle_udp, &ns), 0);
	assert_int_equal(ns, 100 * MS);
}

static void test_cpu(void **state)
{
	(void)state;
	near(measure_cores(S / 2, (struct window){ S, 2 * S }), 0.5, 1e-12);
}

/* The examples of doc/fairness.md: capacity 100, a reserves 50, equal shares. */
static void test_entitled(void **state)
{
	(void)state;
	static const struct {
		struct claim claim[3];
		double out[3];
	} cases[] = {
		{ { { 1, 50, INFINITY }, { 1, 0, INFINITY }, { 1, 0, 0 } }, { 50, 50, 0 } },
		{ { { 1, 50, INFINITY }, { 1, 0, INFINITY }, { 1, 0, 20 } }, { 50, 30, 20 } },
		{ { { 1, 50, INFINITY }, { 1, 0, INFINITY }, { 1, 0, INFINITY } }, { 50, 25, 25 } },
		{ { { 1, 50, 10 }, { 1, 0, INFINITY }, { 2, 0, INFINITY } }, { 10, 30, 60 } },
		{ { { 1, 0, 1 }, { 1, 0, 2 }, { 1, 0, 3 } }, { 1, 2, 3 } },
	};

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		double out[3];

		measure_entitled(cases[k].claim, 3, 100, out);
		for (size_t i = 0; i < 3; i++)
			near(out[i], cases[k].out[i], 1e-9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_slice_brute),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_utilisation_and_jain),
		cmocka_unit_test(test_quantile),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_gaps_inside),
		cmocka_unit_test(test_gaps_inside_brute),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_settled_unbroken),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_entitled),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
