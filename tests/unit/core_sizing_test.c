/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The formulas against a simulation, in virtual time, of what they are for: a VMM that floods, the
 * tap's send buffer and one HTB class, by the rules R1-R4 of sizing.c. The worst case is played:
 * everything is as late as may be.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/sizing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MBIT 125000.0

static const struct {
	double len, truesize;
} packets[] = { { 64, 832 }, { 200, 1280 }, { 1514, 2304 }, { 9014, 12544 }, { 65549, 66368 } };

static const double rates_mbit[] = { 0.008, 0.1, 1, 5, 10, 40, 60, 100, 600, 1000, 10000, 100000, 400000 };

static struct rate rate_of(double mbit)
{
	return (struct rate){ (uint64_t)llround(mbit * MBIT) };
}

static struct sizing sized(double rate_mbit, double ceil_mbit)
{
	struct sizing s;

	sizing_class(&sizing_host_default, rate_of(rate_mbit), rate_of(ceil_mbit), 1, &s);
	return s;
}

/* --- the simulation ----------------------------------------------------------------------------- */

struct sim {
	double rate, burst, sndbuf; /* bytes a second, bytes, bytes of truesize */
	double len, truesize;       /* of every packet */
	double wake, timer;         /* how late, seconds */

	double now, credited; /* seconds */
	double tokens;        /* bytes; HTB counts them as time, which is the same */
	double queued;        /* packets */
	bool blocked;         /* the VMM got EAGAIN and waits */
	double vmm_at, watchdog_at;
	double sent, dry, most; /* bytes; seconds that the class could have sent but had nothing; packets */
};

static void credit(struct sim *s)
{
	double gained = (s->now - s->credited) * s->rate;
	double could = s->tokens < 0 ? gained + s->tokens : gained; /* since the debt ended, as bytes */

	if (s->queued <= 0 && could > 0)
		s->dry += could / s->rate;
	s->tokens = fmin(s->tokens + gained, s->burst);
	s->credited = s->now;
}

static void dequeue(struct sim *s)
{
	credit(s);
	while (s->queued > 0 && s->tokens >= -1e-6) {
		s->tokens -= s->len; /* R4 */
		s->queued--;
		s->sent += s->len;
		/* R2; the kernel's counter starts at 1 */
		if (s->blocked && s->queued * s->truesize + 1 < floor(s->sndbuf / 2)) {
			s->blocked = false;
			s->vmm_at = s->now + s->wake;
		}
	}
	s->watchdog_at = s->queued > 0 ? s->now - s->tokens / s->rate + s->timer : INFINITY;
}

static void write_packets(struct sim *s)
{
	s->vmm_at = INFINITY;
	while (s->queued * s->truesize < s->sndbuf) { /* R1 */
		credit(s);
		s->queued++;
		s->most = fmax(s->most, s->queued);
		dequeue(s);
	}
	s->blocked = true;
}

/* Flood for a number of packets; the first 1,000 only fill and warm up. */
static void run(struct sim *s, double n_packets)
{
	double start = 0, sent = 0;
	bool warm = false;

	s->tokens = s->burst;
	s->watchdog_at = INFINITY;
	while (s->sent < n_packets * s->len) {
		if (!warm && s->sent >= 1000 * s->len) {
			warm = true;
			start = s->now;
			sent = s->sent;
			s->dry = 0;
		}
		s->now = fmax(s->now, fmin(s->vmm_at, s->watchdog_at));
		if (s->vmm_at <= s->watchdog_at)
			write_packets(s);
		else
			dequeue(s);
	}
	s->sent -= sent;
	s->now -= start;
}

static double utilisation(const struct sim *s)
{
	return s->sent / s->now / s->rate;
}

static struct sim sim_of(double mbit, const struct sizing *z, size_t packet, double wake_ns, double timer_ns)
{
	return (struct sim){ .rate = (double)rate_of(mbit).bytes_ps,
			     .burst = (double)z->burst,
			     .sndbuf = z->sndbuf,
			     .len = packets[packet].len,
			     .truesize = packets[packet].truesize,
			     .wake = wake_ns / 1e9,
			     .timer = timer_ns / 1e9 };
}

/* Long enough for many turns of the bucket. */
static double packets_for(const struct sim *s)
{
	return 2000 + 100 * (s->burst + s->sndbuf) / s->len;
}

/* --- properties ---------------------------------------------------------------------------------- */

/* VMM and watchdog as late as they may be, each time. Also where the send buffer holds but what the rate needs. */
static void lateness_loses_no_rate(void **state)
{
	const struct sizing_host *h = &sizing_host_default;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates_mbit); r++) {
		for (size_t k = 0; k < 2 * ARRAY_SIZE(packets); k++) {
			struct sizing z = sized(rates_mbit[r], rates_mbit[r]);
			struct sim s;

			if (k % 2)
				z.sndbuf = z.own_sndbuf;
			s = sim_of(rates_mbit[r], &z, k / 2, (double)h->wake_ns, (double)h->timer_ns);
			if (packets_for(&s) > 3e6)
				continue; /* small packets at rates that no tap reaches */
			run(&s, packets_for(&s));
			if (utilisation(&s) < 0.99)
				print_error("%g Mbit/s, %g B: %g\n", rates_mbit[r], s.len, utilisation(&s));
			assert_true(utilisation(&s) >= 0.99);
			assert_true(utilisation(&s) <= 1.01);
		}
	}
}

/* A usual wake-up does not let the largest packets run dry, nor a prompt one the smallest. */
static void usually_never_dry(void **state)
{
	double wake = (double)sizing_host_default.wake_ns;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates_mbit); r++) {
		struct sizing z = sized(rates_mbit[r], rates_mbit[r]);
		struct sim large = sim_of(rates_mbit[r], &z, 4, wake, 0);
		struct sim small = sim_of(rates_mbit[r], &z, 0, wake / 16, 0);

		run(&large, 3000);
		assert_true(large.dry < 1e-9);
		if (rates_mbit[r] > 10000)
			continue;
		run(&small, 20000);
		assert_true(small.dry < 1e-9);
	}
}

/* A kernel that charges small packets more gets the room that they need. */
static void small_packets_may_cost_more(void **state)
{
	struct sizing_host h = sizing_host_default;
	struct sizing z;
	struct sim s;

	(void)state;
	h.small_truesize = 2048;
	sizing_class(&h, rate_of(1000), rate_of(1000), 1, &z);
	s = sim_of(1000, &z, 0, (double)h.wake_ns / 16, 0);
	s.truesize = h.small_truesize;
	run(&s, 20000);
	assert_true(s.dry < 1e-9);
}

/* The smallest buffer: with a fifth less, it does run dry where the rate decides. */
static void not_larger_than_needed(void **state)
{
	double wake = (double)sizing_host_default.wake_ns;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates_mbit); r++) {
		struct sizing z = sized(rates_mbit[r], rates_mbit[r]);
		struct sim s;

		if (z.sndbuf < 40 * 66368)
			continue; /* a packet's size decides, or blurs it */
		z.sndbuf -= z.sndbuf / 5;
		s = sim_of(rates_mbit[r], &z, 4, wake, 0);
		run(&s, 20000);
		assert_true(s.dry > 0);
	}
}

/* A lone class of a small share drains at the ceiling, MTU-sized, and keeps its turn. */
static void borrows_without_running_dry(void **state)
{
	double prompt = (double)sizing_host_default.wake_ns / 16;

	(void)state;
	for (uint32_t mbit = 100; mbit <= 100000; mbit *= 10) {
		double ceil = mbit;
		struct sizing z = sized(ceil / 15, ceil);
		struct sim s = sim_of(ceil, &z, 2, prompt, 0);

		s.burst = (double)z.cburst;
		run(&s, 50000);
		assert_true(s.dry < 1e-9);
	}
}

/* The simulation shows what the prototype measured: tc's default bucket loses rate. */
static void a_small_bucket_loses_rate(void **state)
{
	struct sizing z = sized(60, 100);
	struct sim s;

	(void)state;
	z.burst = 1600;
	s = sim_of(60, &z, 2, 300e3, 300e3);
	run(&s, 100000);
	assert_true(utilisation(&s) < 0.999);
	s = sim_of(60, &z, 2, 2e6, 1e6);
	run(&s, 100000);
	assert_true(utilisation(&s) < 0.85);
}

/* One of the largest packets waits, not two, as long as the packet and not the rate decides. */
static void a_single_one_of_the_largest(void **state)
{
	static const double mbit[] = { 18, 40, 60, 100, 129 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mbit); i++) {
		struct sizing z = sized(mbit[i], 130);
		struct sim s = sim_of(mbit[i], &z, 4, (double)sizing_host_default.wake_ns, 0);

		assert_int_equal(z.sndbuf, 65536);
		run(&s, 2000);
		assert_true(s.most == 1);
		assert_true(utilisation(&s) > 0.999);
	}
}

/* sndbuf at the rate: what a packet waits at most, but for the last packet that overshoots. */
static void the_queue_stands_for_a_bounded_time(void **state)
{
	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates_mbit); r++) {
		struct sizing alone = sized(rates_mbit[r], rates_mbit[r]);
		struct sizing shared = sized(rates_mbit[r], 400000);
		double floor_bytes = 2 * 2304, bytes_ps = rates_mbit[r] * MBIT;

		assert_true(shared.sndbuf >= alone.sndbuf);
		assert_true(shared.sndbuf <= fmax(floor_bytes, bytes_ps * 0.030 + 1));
		if (rates_mbit[r] >= 600)
			assert_true(alone.sndbuf <= bytes_ps * 0.0041);
	}
}

static void backpressure_never_reaches_the_limit(void **state)
{
	struct sizing one, four;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates_mbit); r++) {
		sizing_class(&sizing_host_default, rate_of(rates_mbit[r]), rate_of(400000), 1, &one);
		sizing_class(&sizing_host_default, rate_of(rates_mbit[r]), rate_of(400000), 4, &four);
		assert_int_equal(one.sndbuf, four.sndbuf);
		assert_true(four.wait.limit == 4ULL * one.wait.limit || four.wait.limit == UINT32_MAX);
		for (size_t p = 0; p < ARRAY_SIZE(packets); p++) {
			/* R1: charged < sndbuf, and then one more. */
			double n = ceil(one.sndbuf / packets[p].truesize);
			/* Ethernet, VLAN tag, IPv6, TCP with 12 bytes of options, again for each segment. */
			double headers = (ceil(packets[p].len / 536) - 1) * (14 + 4 + 40 + 32);

			assert_true(n * (packets[p].len + headers) <= (double)one.wait.limit);
		}
	}
}

static void bounds(void **state)
{
	struct sizing_host slow = sizing_host_default;
	struct sizing z, low = sized(0.008, 0.008);

	(void)state;
	/* Types of the kernel: an int, a u32 of bytes, a u32 of 64 ns ticks. */
	sizing_class(&sizing_host_default, (struct rate){ RATE_MAX_BYTES_PS }, RATE_UNLIMITED, 256, &z);
	assert_true(z.sndbuf <= INT32_MAX - 66368);
	assert_int_equal(z.wait.limit, UINT32_MAX);
	assert_true(z.drop.limit == RATE_MAX_BYTES_PS / 20);
	assert_true(z.burst * NSEC_PER_SEC / RATE_MAX_BYTES_PS / 64 <= UINT32_MAX);
	assert_true(low.burst * NSEC_PER_SEC / RATE_MIN_BYTES_PS / 64 <= UINT32_MAX);

	assert_int_equal(low.sndbuf, 2 * 2304);
	assert_int_equal(low.burst, 1514);
	assert_int_equal(low.drop.limit, 3 * 65536 * 5 / 4);

	z = sized(60, 100);
	assert_int_equal(z.burst, 75000);
	assert_int_equal(z.cburst, 125000);
	assert_int_equal(z.drop.limit, 375000);

	sizing_class(&sizing_host_default, RATE_ZERO, RATE_ZERO, 1, &z);
	assert_true(z.sndbuf > 0 && z.burst > 0 && z.wait.limit >= 65536 && z.drop.limit >= 65536);
	sizing_class(&sizing_host_default, RATE_UNLIMITED, RATE_UNLIMITED, UINT32_MAX, &z);
	assert_true(z.sndbuf > 0 && z.sndbuf <= INT32_MAX);
	assert_int_equal(z.wait.limit, UINT32_MAX);
	slow.wake_ns = 10 * NSEC_PER_SEC;
	sizing_class(&slow, RATE_UNLIMITED, RATE_UNLIMITED, 1, &z);
	assert_int_equal(z.sndbuf, INT32_MAX - 66368);
	assert_true(z.burst == UINT64_MAX);
}

static void codel(void **state)
{
	struct sizing low = sized(0.008, 0.008), small = sized(1, 100), z = sized(60, 100),
		      big = sized(100000, 100000);

	(void)state;
	/* RFC 8290; two intervals in MTU-sized packets at their charge. */
	assert_int_equal(z.codel.kind, LEAF_FQ_CODEL);
	assert_int_equal(z.codel.target_us, 5000);
	assert_int_equal(z.codel.interval_us, 100000);
	assert_in_range(z.codel.limit, 1500000ULL * 2304 / 1514, 1500000ULL * 2304 / 1514 + 1);
	/* 1.5 MTU-sized packets at the rate; eight of the largest */
	assert_int_equal(small.codel.target_us, 2271 * 8);
	assert_int_equal(small.codel.interval_us, 100000);
	assert_int_equal(small.codel.limit, 8 * 66368);
	assert_int_equal(low.codel.target_us, 2271000);
	assert_int_equal(low.codel.interval_us, 2 * 2271000);
	assert_int_equal(low.codel.limit, 8 * 66368);
	assert_int_equal(big.codel.target_us, 5000);
	assert_int_equal(big.codel.limit, 32 << 20);
	sizing_class(&sizing_host_default, RATE_ZERO, RATE_ZERO, 1, &z);
	assert_true(leaf_same(&z.codel, &low.codel));
	sizing_class(&sizing_host_default, RATE_UNLIMITED, RATE_UNLIMITED, 1, &z);
	assert_true(leaf_same(&z.codel, &big.codel));
}

static void leaves_differ(void **state)
{
	struct sizing z = sized(60, 100);
	struct leaf other = z.codel;

	(void)state;
	assert_true(leaf_same(&z.codel, &other));
	assert_false(leaf_same(&z.codel, &z.drop));
	other.limit++;
	assert_false(leaf_same(&z.codel, &other));
	other = z.codel;
	other.target_us++;
	assert_false(leaf_same(&z.codel, &other));
	other = z.codel;
	other.interval_us++;
	assert_false(leaf_same(&z.codel, &other));
	other = z.drop;
	other.kind = LEAF_NONE;
	assert_false(leaf_same(&z.drop, &other));
}

/* --- quanta --------------------------------------------------------------------------------------- */

static void quanta_are_proportional(void **state)
{
	static const struct {
		size_t n;
		struct rate part[4];
		uint32_t quantum[4];
	} cases[] = {
		{ 1, { { 7 } }, { 65536 } },
		{ 2, { { 7500000 }, { 5000000 } }, { 98304, 65536 } },
		{ 3, { { 50 }, { 30 }, { 20 } }, { 163840, 98304, 65536 } },
		{ 4, { { 1 }, { 1 }, { 1 }, { 1 } }, { 65536, 65536, 65536, 65536 } },
		{ 2, { { 1 }, { 32767 } }, { 65536, 32767U * 65536 } },
		{ 2, { { RATE_MAX_BYTES_PS }, { RATE_MAX_BYTES_PS / 32000 } }, { 32000U * 65536, 65536 } },
		/* The largest would not fit: the others follow it down as far as gso_max. */
		{ 3, { { 1 }, { 500000 }, { 1000000 } }, { 65536, INT32_MAX / 2, INT32_MAX } },
		{ 3, { { 0 }, { RATE_MAX_BYTES_PS / 2 }, { RATE_MAX_BYTES_PS } },
		  { 65536, INT32_MAX / 2, INT32_MAX } },
		{ 2, { { 0 }, { 2 } }, { 65536, 131072 } }, /* nothing: counted as 1 */
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		uint32_t out[4];

		sizing_quanta(&sizing_host_default, cases[k].part, cases[k].n, out);
		assert_memory_equal(out, cases[k].quantum, cases[k].n * sizeof(*out));
	}
	sizing_quanta(&sizing_host_default, NULL, 0, NULL);
}

static void quanta_stay_in_bounds(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int k = 0; k < 20000; k++) {
		struct rate part[8];
		uint64_t least = UINT64_MAX, most = 0;
		uint32_t out[8];

		for (size_t i = 0; i < 8; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth, MMIX */
			part[i].bytes_ps = 1 + ((seed >> 27) % RATE_MAX_BYTES_PS >> (seed >> 60) * (k % 3));
			least = part[i].bytes_ps < least ? part[i].bytes_ps : least;
			most = part[i].bytes_ps > most ? part[i].bytes_ps : most;
		}
		sizing_quanta(&sizing_host_default, part, 8, out);
		for (size_t i = 0; i < 8; i++) {
			double least_quantum = fmin(65536, (double)INT32_MAX * (double)least / (double)most);
			double exact = least_quantum * (double)part[i].bytes_ps / (double)least;

			assert_true(out[i] >= 65536 && out[i] <= INT32_MAX);
			assert_true(fabs(out[i] - fmax(exact, 65536)) < 2);
			for (size_t j = 0; j < 8; j++)
				assert_true(part[i].bytes_ps < part[j].bytes_ps ? out[i] <= out[j] :
										  out[i] >= out[j]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lateness_loses_no_rate),
		cmocka_unit_test(usually_never_dry),
		cmocka_unit_test(small_packets_may_cost_more),
		cmocka_unit_test(not_larger_than_needed),
		cmocka_unit_test(borrows_without_running_dry),
		cmocka_unit_test(a_small_bucket_loses_rate),
		cmocka_unit_test(a_single_one_of_the_largest),
		cmocka_unit_test(the_queue_stands_for_a_bounded_time),
		cmocka_unit_test(backpressure_never_reaches_the_limit),
		cmocka_unit_test(bounds),
		cmocka_unit_test(codel),
		cmocka_unit_test(leaves_differ),
		cmocka_unit_test(quanta_are_proportional),
		cmocka_unit_test(quanta_stay_in_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
