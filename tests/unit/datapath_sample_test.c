/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rates between readings, without a kernel: the build wraps htb_list(), and the classes are a table of this
 * test, which remembers all that was ever read.
 */

#include "datapath/sample.h"
#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"
#include "tree_rig.h"

#include <errno.h>

#define MS NSEC_PER_MSEC
#define WINDOW (500 * MS) /* a window is at least this long, datapath/sample.c says why */

/* --- the kernel's classes ----------------------------------------------------------------------- */

#define N_CLASSES 6
#define IFB_FIRST 100

struct counter {
	bool there;
	uint64_t bytes, packets, waiting;
};

/* By IFB and class; a class's minor is 10 times its index and 2. */
static struct counter counters[4][N_CLASSES];
static int list_error;
static int dumps; /* of classes, until now */
static struct qdisc roots[4];
static int root_error;

static uint16_t minor_of(size_t i)
{
	return (uint16_t)(10 * i + 2);
}

int __wrap_htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n);
int __wrap_htb_list(struct rtnl *r, uint32_t ifindex, struct htb_class **c, struct htb_stats **s, size_t *n)
{
	struct htb_stats *list = calloc(N_CLASSES, sizeof(*list));
	size_t found = 0;

	dumps++;
	assert_null(r);
	assert_null(c);
	assert_non_null(list);
	assert_in_range(ifindex, IFB_FIRST, IFB_FIRST + ARRAY_SIZE(counters) - 1);
	if (list_error) {
		free(list);
		return list_error;
	}
	for (size_t i = 0; i < N_CLASSES; i++) {
		const struct counter *k = &counters[ifindex - IFB_FIRST][i];

		if (k->there)
			list[found++] = (struct htb_stats){ .minor = minor_of(i),
							    .bytes = k->bytes,
							    .packets = k->packets,
							    .backlog_packets = k->waiting };
	}
	*s = list;
	*n = found;
	return 0;
}

int __wrap_qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out);
int __wrap_qdisc_root(struct rtnl *r, uint32_t ifindex, struct qdisc *out)
{
	assert_null(r);
	assert_in_range(ifindex, IFB_FIRST, IFB_FIRST + ARRAY_SIZE(roots) - 1);
	*out = roots[ifindex - IFB_FIRST];
	return root_error;
}

/* --- what was read ------------------------------------------------------------------------------ */

#define READINGS 120

struct history {
	uint64_t at_ns[READINGS];
	struct counter counter[READINGS][N_CLASSES];
	size_t life[READINGS][N_CLASSES]; /* grows each time that a class is made again */
	size_t n;
};

static struct dataplane plane_of(struct tree_uplink *u, size_t n)
{
	return (struct dataplane){ .have = { .uplinks = u, .n_uplinks = n } };
}

static void remember(struct history *h, uint64_t at_ns, const size_t life[N_CLASSES])
{
	h->at_ns[h->n] = at_ns;
	memcpy(h->counter[h->n], counters[0], sizeof(h->counter[0]));
	memcpy(h->life[h->n++], life, sizeof(h->life[0]));
}

/* The reading from which class i has been there, and not been made again, until the latest one. */
static size_t born(const struct history *h, size_t i)
{
	size_t k = h->n - 1;

	while (k > 0 && h->counter[k - 1][i].there && h->life[k - 1][i] == h->life[k][i])
		k--;
	return k;
}

/* period_ns: the longest time between two readings. Returns whether the rate is known. */
static bool check_class(const struct history *h, const struct sample_uplink *u, size_t i, uint64_t period_ns)
{
	const size_t last = h->n - 1, first = born(h, i);
	const struct counter *now = &h->counter[last][i];
	uint64_t age = h->at_ns[last] - h->at_ns[first], bytes;
	struct sample_rate r;
	size_t start = last;

	sample_rate(u, minor_of(i), &r);
	assert_int_equal(r.at_ns, now->there ? h->at_ns[last] : 0);
	assert_int_equal(r.bytes, now->there ? now->bytes : 0);
	assert_int_equal(r.packets, now->there ? now->packets : 0);
	if (!r.known) {
		/* The start of a window is at most this old: readings are kept half a window apart. */
		assert_true(!now->there || age < WINDOW + WINDOW / 2 + period_ns);
		assert_int_equal(r.backlogged, now->there && now->waiting);
		assert_int_equal(r.delivered.bytes_ps, 0);
		return false;
	}
	while (start > 0 && h->at_ns[last] - h->at_ns[start] < r.window_ns)
		start--;
	assert_int_equal(h->at_ns[last] - h->at_ns[start], r.window_ns);
	assert_true(start >= first && start < last);
	assert_true(r.window_ns < WINDOW + WINDOW / 2 + period_ns);
	/* As long as the class was there, whole windows are had as soon as there can be one. */
	if (first == 0 && age >= WINDOW)
		assert_true(r.window_ns >= WINDOW);
	if (age >= WINDOW + WINDOW / 2 + period_ns)
		assert_true(r.window_ns >= WINDOW);
	bytes = now->bytes - h->counter[start][i].bytes;
	assert_int_equal(r.delivered.bytes_ps,
			 (uint64_t)((unsigned __int128)bytes * NSEC_PER_SEC / r.window_ns));
	assert_int_equal(r.backlogged, now->waiting || h->counter[start][i].waiting);
	return true;
}

/* --- any rhythm --------------------------------------------------------------------------------- */

/* Classes send, come and go; one that is made again starts below all that the former one had. */
static void live(size_t life[N_CLASSES], bool changes)
{
	for (size_t i = 0; i < N_CLASSES; i++) {
		struct counter *k = &counters[0][i];

		if (k->there && changes && one_in(40))
			k->there = false;
		if (!k->there || (changes && one_in(60))) {
			if (!k->there && changes && !one_in(10))
				continue;
			*k = (struct counter){ .there = true, .bytes = (READINGS - life[i]++) << 32 };
		}
		k->bytes += rnd_below(1000000);
		k->packets += rnd_below(1000);
		k->waiting = one_in(2) ? rnd_below(3) : 0;
	}
}

/* Readings with from least to most between two. Returns how many rates were known. */
static size_t read_many(uint64_t least_ns, uint64_t most_ns, bool changes)
{
	struct history *h = calloc(1, sizeof(*h));
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	size_t life[N_CLASSES] = { 0 }, known = 0;
	struct sampler s = { 0 };
	uint64_t now = 1 + rnd() % (1ULL << 50);

	assert_non_null(h);
	memset(counters, 0, sizeof(counters));
	while (h->n < READINGS) {
		live(life, changes);
		assert_in_range(sampler_read(&s, &p, now), 0, 1);
		assert_int_equal(sampler_latest_ns(&s), now);
		remember(h, now, life);
		for (size_t i = 0; i < N_CLASSES; i++)
			known += check_class(h, sampler_uplink(&s, "eth0", DIRECTION_TX), i, most_ns);
		now += least_ns + rnd() % (most_ns - least_ns + 1);
	}
	sampler_free(&s);
	free(h);
	return known;
}

/* 10 Hz, 1 Hz, the loop's 5 s, `top`'s 2 s, and those at which what is kept just fails to span a window. */
static void steady_readings(void **state)
{
	static const uint64_t periods[] = { 100, 1000, 5000, 2000, 1,   20,  62,
					    125, 124,  126,  250,  249, 251, 500 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++)
		assert_in_range(read_many(periods[i] * MS, periods[i] * MS, false), 1, SIZE_MAX);
	for (int i = 0; i < 200; i++) {
		uint64_t period = 1 + rnd() % (one_in(2) ? 600 * MS : 6000 * MS);

		read_many(period, period, false);
	}
}

/* Two clients that ask, and the loop. */
static void readings_at_any_time(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		read_many(0, 1 + rnd() % (one_in(2) ? 400 * MS : 5000 * MS), false);
}

static void classes_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		uint64_t period = 1 + rnd() % (one_in(2) ? 300 * MS : 3000 * MS);

		assert_in_range(read_many(one_in(2) ? 0 : period, period, true), 1, SIZE_MAX);
	}
}

/* --- by hand ------------------------------------------------------------------------------------ */

static void at_10_hz(void **state)
{
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	struct sampler s = { 0 };
	struct sample_rate r;

	(void)state;
	memset(counters, 0, sizeof(counters));
	counters[0][1] = (struct counter){ .there = true, .bytes = 7000, .packets = 5 };
	for (uint64_t now = 1000 * MS; now <= 4000 * MS; now += 100 * MS) {
		assert_in_range(sampler_read(&s, &p, now), 0, 1);
		sample_rate(sampler_uplink(&s, "eth0", DIRECTION_TX), minor_of(1), &r);
		assert_int_equal(r.known, now > 1000 * MS);
		assert_int_equal(r.delivered.bytes_ps, r.known ? 125000 : 0);
		assert_false(r.backlogged);
		counters[0][1].bytes += 12500; /* 1 Mbit/s */
	}
	sampler_free(&s);
	assert_null(sampler_uplink(&s, "eth0", DIRECTION_TX));
	assert_int_equal(sampler_latest_ns(&s), 0);
}

static struct sample_rate rate_at(struct sampler *s, struct dataplane *p, uint64_t now_ms)
{
	struct sample_rate r;

	assert_in_range(sampler_read(s, p, now_ms * MS), 0, 1);
	sample_rate(sampler_uplink(s, "eth0", DIRECTION_TX), minor_of(1), &r);
	return r;
}

static void windows(void **state)
{
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	struct sampler s = { 0 };

	(void)state;
	memset(counters, 0, sizeof(counters));
	counters[0][1].there = true;
	assert_false(rate_at(&s, &p, 1000).known);
	assert_false(rate_at(&s, &p, 1000).known); /* twice at one time */
	assert_int_equal(rate_at(&s, &p, 1250).window_ns, 250 * MS);
	assert_int_equal(rate_at(&s, &p, 1500).window_ns, 500 * MS);
	assert_int_equal(rate_at(&s, &p, 1750).window_ns, 500 * MS);
	assert_int_equal(rate_at(&s, &p, 2000).window_ns, 500 * MS);
	assert_int_equal(rate_at(&s, &p, 4000).window_ns, 2000 * MS);
	sampler_free(&s);
}

/* Its number may be another device's now, which has sent more. */
static void a_class_that_was_away(void **state)
{
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	struct sampler s = { 0 };

	(void)state;
	memset(counters, 0, sizeof(counters));
	counters[0][1] = (struct counter){ .there = true, .bytes = 100 };
	assert_false(rate_at(&s, &p, 1000).known);
	counters[0][1].there = false;
	assert_int_equal(rate_at(&s, &p, 1300).at_ns, 0);
	counters[0][1] = (struct counter){ .there = true, .bytes = 5000 };
	assert_false(rate_at(&s, &p, 1600).known);
	counters[0][1].bytes = 6000;
	assert_int_equal(rate_at(&s, &p, 2600).delivered.bytes_ps, 1000);
	sampler_free(&s);
}

/* 400 Gbit/s for ten hours: bytes times nanoseconds are more than 64 bits. */
static void the_largest_counters(void **state)
{
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	const uint64_t hours = 36000;
	struct sampler s = { 0 };
	struct sample_rate r;

	(void)state;
	memset(counters, 0, sizeof(counters));
	counters[0][0].there = true;
	assert_in_range(sampler_read(&s, &p, 0), 0, 1);
	counters[0][0].bytes = RATE_MAX_BYTES_PS * hours;
	assert_in_range(sampler_read(&s, &p, hours * NSEC_PER_SEC), 0, 1);
	sample_rate(sampler_uplink(&s, "eth0", DIRECTION_TX), minor_of(0), &r);
	assert_int_equal(r.delivered.bytes_ps, RATE_MAX_BYTES_PS);
	sampler_free(&s);
}

static uint64_t rate_of(const struct sampler *s, const char *uplink, size_t class)
{
	struct sample_rate r;

	sample_rate(sampler_uplink(s, uplink, DIRECTION_TX), minor_of(class), &r);
	return r.known ? r.delivered.bytes_ps : UINT64_MAX;
}

static uint64_t class_bytes(const struct sampler *s, size_t class)
{
	struct sample_rate r;

	sample_rate(sampler_uplink(s, "eth0", DIRECTION_TX), minor_of(class), &r);
	return r.bytes;
}

/* Each uplink's readings are its own, and stay its own while others come and go. */
static void many_uplinks(void **state)
{
	struct tree_uplink two[] = { { .name = "b", .ifb = 100 }, { .name = "d", .ifb = 101 } };
	struct tree_uplink four[] = { { .name = "a", .ifb = 102 },
				      { .name = "b", .ifb = 100 },
				      { .name = "c", .ifb = 103 },
				      { .name = "d", .ifb = 101 } };
	struct dataplane p = plane_of(two, 2), q = plane_of(four, 4), none = plane_of(NULL, 0);
	char long_name[MODEL_NAME_SIZE * 8] = "";
	struct sampler s = { 0 };

	(void)state;
	memset(long_name, 'b', sizeof(long_name) - 1);
	memset(counters, 0, sizeof(counters));
	for (size_t i = 0; i < 4; i++)
		counters[i][0].there = true;
	assert_in_range(sampler_read(&s, &p, 0), 0, 1);
	for (size_t i = 0; i < 4; i++)
		counters[i][0].bytes = 1000 * (i + 1);
	assert_in_range(sampler_read(&s, &q, NSEC_PER_SEC), 0, 1);
	assert_int_equal(rate_of(&s, "a", 0), UINT64_MAX);
	assert_int_equal(rate_of(&s, "b", 0), 1000);
	assert_int_equal(rate_of(&s, "c", 0), UINT64_MAX);
	assert_int_equal(rate_of(&s, "d", 0), 2000);
	for (size_t i = 0; i < 4; i++)
		counters[i][0].bytes *= 3;
	assert_in_range(sampler_read(&s, &p, 2 * NSEC_PER_SEC), 0, 1);
	assert_null(sampler_uplink(&s, "a", DIRECTION_TX));
	assert_int_equal(rate_of(&s, "a", 0), UINT64_MAX);
	assert_int_equal(rate_of(&s, "b", 0), 2000);
	assert_int_equal(rate_of(&s, "d", 0), 4000);
	assert_null(sampler_uplink(&s, long_name, DIRECTION_TX));
	assert_in_range(sampler_read(&s, &none, 3 * NSEC_PER_SEC), 0, 1);
	assert_null(sampler_uplink(&s, "b", DIRECTION_TX));
	sampler_free(&s);
}

/* What was read before stays, and the next reading goes on from it. */
static void a_reading_that_fails(void **state)
{
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST };
	struct dataplane p = plane_of(&up, 1);
	struct sampler s = { 0 };

	(void)state;
	memset(counters, 0, sizeof(counters));
	counters[0][0].there = true;
	assert_in_range(sampler_read(&s, &p, 1 * NSEC_PER_SEC), 0, 1);
	counters[0][0].bytes = 5000;
	assert_in_range(sampler_read(&s, &p, 2 * NSEC_PER_SEC), 0, 1);
	list_error = -ENODEV;
	assert_int_equal(sampler_read(&s, &p, 3 * NSEC_PER_SEC), -ENODEV);
	list_error = 0;
	assert_int_equal(sampler_latest_ns(&s), 2 * NSEC_PER_SEC);
	assert_int_equal(rate_of(&s, "eth0", 0), 5000);
	counters[0][0].bytes = 15000;
	assert_in_range(sampler_read(&s, &p, 4 * NSEC_PER_SEC), 0, 1);
	assert_int_equal(rate_of(&s, "eth0", 0), 5000);
	sampler_free(&s);
}

/* Readings that must not, or must, ask for the classes. */
static void reads(struct sampler *s, struct dataplane *p, int n_dumps)
{
	static uint64_t now = NSEC_PER_SEC;
	const int before = dumps;

	now += NSEC_PER_SEC;
	assert_int_equal(sampler_read(s, p, now), n_dumps > 0);
	assert_int_equal(dumps - before, n_dumps);
	assert_int_equal(sampler_uplink(s, "eth0", DIRECTION_TX)->reading[0].at_ns, now);
}

/* Nothing was sent below the root: the classes are not read, and the rates are those of a reading. */
static void at_rest(void **state)
{
	struct tree_class classes[] = { { .htb = { .minor = 2 } }, { .htb = { .minor = 12 } }, { .htb = { .minor = 22 } } };
	struct tree_uplink up = { .name = "eth0", .ifb = IFB_FIRST, .classes = classes, .n_classes = 2 };
	struct dataplane p = plane_of(&up, 1);
	struct sampler s = { 0 };

	(void)state;
	memset(counters, 0, sizeof(counters));
	memset(roots, 0, sizeof(roots));
	counters[0][0].there = counters[0][1].there = counters[1][0].there = counters[1][1].there = true;
	reads(&s, &p, 1);
	counters[0][1].bytes = roots[0].bytes = 5000;
	reads(&s, &p, 1);
	assert_int_equal(rate_of(&s, "eth0", 1), 5000);
	reads(&s, &p, 0);
	assert_int_equal(rate_of(&s, "eth0", 1), 0);
	assert_int_equal(class_bytes(&s, 1), 5000);
	for (int i = 0; i < 10; i++)
		reads(&s, &p, 0);
	assert_int_equal(rate_of(&s, "eth0", 1), 0);
	counters[0][1].bytes = roots[0].bytes = 5700; /* in the second since the latest reading */
	reads(&s, &p, 1);
	assert_int_equal(rate_of(&s, "eth0", 1), 700);
	assert_int_equal(class_bytes(&s, 1), 5700);
	reads(&s, &p, 0);
	roots[0].backlog_packets = 1;
	reads(&s, &p, 1);
	reads(&s, &p, 1); /* it waits as long as it waits */
	roots[0].backlog_packets = 0;
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	roots[0].drops = 1;
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	root_error = -ENOENT;
	reads(&s, &p, 1);
	root_error = 0;
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	up.n_classes = 3; /* one is added */
	counters[0][2].there = true;
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	classes[2].htb.minor = 32; /* one goes, and another one comes */
	counters[0][2].there = false;
	counters[0][3].there = true;
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	up.ifb++; /* another IFB, which has counted as much */
	up.n_classes = 2;
	roots[1] = roots[0];
	reads(&s, &p, 1);
	reads(&s, &p, 0);
	sampler_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_readings),
		cmocka_unit_test(readings_at_any_time),
		cmocka_unit_test(classes_come_and_go),
		cmocka_unit_test(at_10_hz),
		cmocka_unit_test(windows),
		cmocka_unit_test(a_class_that_was_away),
		cmocka_unit_test(the_largest_counters),
		cmocka_unit_test(many_uplinks),
		cmocka_unit_test(a_reading_that_fails),
		cmocka_unit_test(at_rest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
