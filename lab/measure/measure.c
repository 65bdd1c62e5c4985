/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "measure.h"

#include "base/cleanup.h"

#include <errno.h>
#include <math.h>

const struct settle_rule settle_udp = { 50 * NSEC_PER_MSEC, 3, 2.0 };
const struct settle_rule settle_tcp = { 250 * NSEC_PER_MSEC, 3, 3.0 };

static uint64_t window_ns(struct window w)
{
	return w.to_ns > w.from_ns ? w.to_ns - w.from_ns : 0;
}

struct window measure_steady(struct window phase)
{
	uint64_t from = phase.from_ns + MEASURE_WARMUP_NS;

	return (struct window){ from < phase.to_ns ? from : phase.to_ns, phase.to_ns };
}

void measure_sort(struct sample *s, size_t n)
{
	/* Insertion: arrivals are out of place by a few at most. */
	for (size_t i = 1; i < n; i++) {
		struct sample v = s[i];
		size_t j = i;

		for (; j > 0 && s[j - 1].ns > v.ns; j--)
			s[j] = s[j - 1];
		s[j] = v;
	}
}

/* Index of the first arrival not before ns. */
static size_t lower_bound(struct trace t, uint64_t ns)
{
	size_t lo = 0, hi = t.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t.s[mid].ns < ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct trace measure_slice(struct trace t, struct window w)
{
	size_t from = lower_bound(t, w.from_ns);
	size_t to = lower_bound(t, w.to_ns);

	return (struct trace){ t.s ? t.s + from : NULL, to > from ? to - from : 0 };
}

uint64_t measure_bytes(struct trace t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t.n; i++)
		sum += t.s[i].bytes;
	return sum;
}

double measure_mbps(uint64_t bytes, struct window w)
{
	uint64_t ns = window_ns(w);

	return ns ? (double)bytes * 8e3 / (double)ns : 0;
}

int measure_shares(const uint64_t *bytes, const struct share *shares, const bool *backlogged, size_t n,
		   double *share_pct, double *error_pp)
{
	double sum = 0, weights = 0;

	for (size_t i = 0; i < n; i++) {
		if (backlogged && !backlogged[i])
			continue;
		sum += (double)bytes[i];
		weights += shares[i].weight;
	}
	if (sum <= 0 || weights <= 0)
		return -ENODATA;

	for (size_t i = 0; i < n; i++) {
		if (backlogged && !backlogged[i]) {
			share_pct[i] = error_pp[i] = NAN;
			continue;
		}
		share_pct[i] = 100 * (double)bytes[i] / sum;
		error_pp[i] = share_pct[i] - 100 * shares[i].weight / weights;
	}
	return 0;
}

double measure_utilisation(uint64_t sum_bytes, struct rate capacity, struct window w)
{
	double could = (double)capacity.bytes_ps * (double)window_ns(w) / 1e9;

	return could > 0 ? (double)sum_bytes / could : 0;
}

double measure_jain(const uint64_t *bytes, const struct share *shares, size_t n)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		double x = shares[i].weight ? (double)bytes[i] / shares[i].weight : 0;

		sum += x;
		squares += x * x;
	}
	return squares > 0 ? sum * sum / ((double)n * squares) : (double)NAN;
}

uint64_t measure_quantile(const uint64_t *v, size_t n, double q)
{
	/* The small step back keeps 0.999 * 1000 at rank 999, although it is 999.0000000000001 in binary. */
	double rank = ceil(q * (double)n - 1e-9);

	if (rank < 1)
		rank = 1;
	if (rank > (double)n)
		rank = (double)n;
	return v[(size_t)rank - 1];
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void measure_ascending(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_u64);
}

static int gaps_of(uint64_t *v, size_t n, size_t all, struct gaps *out)
{
	double mean = 0, squares = 0;

	if (n == 0)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		mean += (double)v[i];
	mean /= (double)n;
	for (size_t i = 0; i < n; i++)
		squares += ((double)v[i] - mean) * ((double)v[i] - mean);
	measure_ascending(v, n);

	*out = (struct gaps){
		.n = n,
		.mean_ms = mean / 1e6,
		.sd_ms = sqrt(squares / (double)n) / 1e6,
		.p50_ms = (double)measure_quantile(v, n, 0.5) / 1e6,
		.p99_ms = (double)measure_quantile(v, n, 0.99) / 1e6,
		.p999_ms = (double)measure_quantile(v, n, 0.999) / 1e6,
		.left_out = 1 - (double)n / (double)all,
	};
	return 0;
}

static int gaps_by_slots(struct trace t, const struct window *slots, size_t n_slots, bool inside,
			 struct gaps *out)
{
	_cleanup_free_ uint64_t *v = NULL;
	size_t n = 0, slot = 0;

	if (t.n < 2)
		return -ENODATA;
	v = malloc((t.n - 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 1; i < t.n; i++) {
		uint64_t a = t.s[i - 1].ns, b = t.s[i].ns;

		while (slot < n_slots && slots[slot].to_ns <= a)
			slot++;
		if ((slot < n_slots && a >= slots[slot].from_ns && b < slots[slot].to_ns) == inside)
			v[n++] = b - a;
	}
	return gaps_of(v, n, t.n - 1, out);
}

int measure_gaps(struct trace t, struct gaps *out)
{
	return gaps_by_slots(t, NULL, 0, false, out); /* without slots, none is inside */
}

int measure_gaps_inside(struct trace t, const struct window *slots, size_t n_slots, struct gaps *out)
{
	return gaps_by_slots(t, slots, n_slots, true, out);
}

int measure_gaps_across(struct trace t, const struct window *slots, size_t n_slots, struct gaps *out)
{
	return gaps_by_slots(t, slots, n_slots, false, out);
}

static bool within(const struct trace *t, const struct share *shares, size_t n, struct window w,
		   double tolerance)
{
	double sum = 0, weights = 0;

	for (size_t i = 0; i < n; i++) {
		sum += (double)measure_bytes(measure_slice(t[i], w));
		weights += shares[i].weight;
	}
	if (sum <= 0 || weights <= 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		double got = (double)measure_bytes(measure_slice(t[i], w)) / sum;

		if (fabs(100 * (got - shares[i].weight / weights)) > tolerance)
			return false;
	}
	return true;
}

int measure_settled(const struct trace *t, const struct share *shares, size_t n, struct window after,
		    const struct settle_rule *rule, uint64_t *settled_ns)
{
	uint32_t in_a_row = 0;

	for (uint64_t from = after.from_ns; from + rule->window_ns <= after.to_ns; from += rule->window_ns) {
		struct window w = { from, from + rule->window_ns };

		if (!within(t, shares, n, w, rule->tolerance_pp)) {
			in_a_row = 0;
			continue;
		}
		if (++in_a_row == rule->windows) {
			*settled_ns = w.to_ns - rule->windows * rule->window_ns - after.from_ns;
			return 0;
		}
	}
	return -ETIME;
}

double measure_cores(uint64_t cpu_ns, struct window w)
{
	uint64_t ns = window_ns(w);

	return ns ? (double)cpu_ns / (double)ns : 0;
}
