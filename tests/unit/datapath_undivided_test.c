/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a vNIC is divided, from readings that are written by hand. */
#include "undivided_rig.h"

static void test_said_in_time(void **state)
{
	static const struct {
		unsigned int dropped, kept, before;
		bool said;
	} cases[] = {
		{ 0, 100, 0, true }, { 0, 0, 100, true }, { 0, 6, 0, true },   { 0, 0, 6, true },
		{ 0, 4, 0, false },  { 0, 0, 0, false },  { 50, 0, 0, false }, { 100, 0, 0, false },
		{ 90, 10, 0, true }, { 50, 2, 0, false }, { 50, 3, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint64_t pps = 1000; pps <= 1000000; pps *= 10) {
			struct rig r;
			uint64_t ns;

			rig_open(&r, UNDIVIDED_INGRESS);
			known(&r);
			ns = time_until_said(&r, pps, cases[i].dropped, cases[i].kept, cases[i].before);
			assert_int_equal(ns != 0, cases[i].said);
			assert_true(ns <= UNDIVIDED_WITHIN_NS);
			if (ns)
				assert_int_equal(r.v->before_tc, cases[i].before > 0);
			rig_close(&r);
		}
	}
}

/* A vNIC that is bound while its VM floods. */
static void test_new_vnic(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	assert_in_range(time_until_said(&r, 10000, 0, 100, 0), 1, UNDIVIDED_WITHIN_NS);
	assert_int_equal(r.v->kept_permille, 1000);
	rig_close(&r);
}

static void test_quiet(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	for (int i = 0; i < 100; i++)
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	/* ARP and the like, which a filter keeps: not worth a word, and not worth a dump */
	assert_int_equal(time_until_said(&r, 5, 0, 100, 0), 0);
	assert_false(r.v->watched);
	rig_close(&r);
}

/* Big packets are kept, small ones counted: few packets, and nearly all bytes. */
static void test_bytes(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	for (int i = 0; i < 3 && !r.v->undivided; i++) {
		r.now.packets += 1010;
		r.now.bytes += 1000 * 60 + 10 * 65000;
		r.now.counted.skbs += 1000;
		r.now.counted.skb_bytes += 1000 * 60;
		look(&r);
	}
	assert_true(r.v->undivided);
	assert_in_range(r.v->kept_permille, 910, 920);
	rig_close(&r);
}

/* A veth whose frames the kernel merges before tc: fewer packets, and fewer bytes by their headers. */
static void test_merged(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_MERGED);
	known(&r);
	for (int i = 0; i < 10; i++) {
		r.now.packets += 45000;
		r.now.bytes += 45000 * 1514ULL;
		r.now.counted.skbs += 1000;
		r.now.counted.skb_bytes += 1000 * (45 * 1448ULL + 66);
		r.now.counted.bytes += 45000 * 1514ULL;
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	}
	assert_true(time_until_said(&r, 10000, 0, 100, 0));
	rig_close(&r);
}

/* A VM that stood still reads what had waited for it: nothing was kept. */
static void test_waited(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_EGRESS);
	known(&r);
	r.now.waiting = 1000;
	passes(&r, 1000, 0);
	assert_int_equal(look(&r), UNDIVIDED_SAME);
	for (int i = 0; i < 60; i++) {
		passes(&r, 30, i < 10 ? 130 : 30);
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	}
	assert_false(r.v->undivided || r.v->watched);
	/* twice as much: a thousand of them did not wait anywhere */
	passes(&r, 1, 40);
	look(&r);
	passes(&r, 1000, 3000);
	assert_int_equal(look(&r), UNDIVIDED_BEGAN);
	assert_int_equal(r.v->kept_permille, 333);
	rig_close(&r);
}

/* What may have waited is missing: known only after a while. A little more than nothing never is. */
static void test_egress_in_time(void **state)
{
	static const struct {
		unsigned int kept;
		uint64_t pps;
		bool said;
	} cases[] = { { 100, 10000, true }, { 100, 1000, true }, { 6, 10000, false }, { 4, 100000, false },
		      { 6, 100000, true },  { 0, 100000, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig r;
		bool said = false;

		rig_open(&r, UNDIVIDED_EGRESS);
		known(&r);
		r.now.waiting = 500;
		for (uint64_t ns = 0; ns < 3 * NSEC_PER_SEC && !said;) {
			uint64_t step = undivided_period(&r.u), n = cases[i].pps * step / NSEC_PER_SEC;

			passes(&r, n - n * cases[i].kept / 100, n);
			said = look(&r) == UNDIVIDED_BEGAN;
			ns += step;
		}
		assert_int_equal(said, cases[i].said);
		rig_close(&r);
	}
}

/* Both directions of one vNIC are two. */
static void test_directions(void **state)
{
	const struct undivided_id two[] = { { 7, UNDIVIDED_INGRESS }, { 7 | DIVVY_RX, UNDIVIDED_EGRESS } };
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	assert_true(time_until_said(&r, 10000, 0, 100, 0));
	assert_int_equal(undivided_follow(&r.u, two, 2), 0);
	assert_true(undivided_of(&r.u, 7)->undivided);
	assert_false(undivided_of(&r.u, 7 | DIVVY_RX)->undivided);
	rig_close(&r);
}

/* The vNIC is detached and attached again: its counters begin anew. */
static void test_counters_begin_anew(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	for (int i = 0; i < 20; i++) {
		send(&r, 1000, 0, 0, 0);
		if (i % 3 == 0)
			r.now.counted = (struct divvy_counters){ 0 };
		if (i % 5 == 0)
			r.now.drops = r.now.reached = 0;
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	}
	rig_close(&r);
}

static void test_follow(void **state)
{
	const struct undivided_id two[] = { { 3, UNDIVIDED_INGRESS }, { 7, UNDIVIDED_INGRESS } };
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	assert_true(time_until_said(&r, 10000, 0, 100, 0));
	assert_int_equal(undivided_follow(&r.u, two, 2), 0);
	assert_true(undivided_of(&r.u, 7)->undivided);
	assert_false(undivided_of(&r.u, 3)->undivided);
	assert_int_equal(undivided_follow(&r.u, two, 1), 0);
	assert_null(undivided_of(&r.u, 7));
	rig_close(&r);
}

/* What the host received, as few as some: how many looks in a row go by it until the vNICs are read. */
static unsigned int skips_in_a_row(struct undivided *u, uint32_t received, bool xdp)
{
	unsigned int n = 0;

	while (!undivided_skips(u, u->received + received, xdp))
		;
	for (n = 1; undivided_skips(u, u->received + received, xdp); n++)
		assert_true(n < 1000);
	return n;
}

/* The host as a whole receives next to nothing: the vNICs are not read, but now and then. */
static void test_skips(void **state)
{
	uint32_t received = UINT32_MAX - 5; /* it wraps */
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	assert_false(undivided_skips(&r.u, received, false)); /* a new vNIC */
	look(&r);
	assert_false(undivided_skips(&r.u, received, false)); /* its first window */
	look(&r);
	for (unsigned int i = 0; i < 10 * (UNDIVIDED_SKIPS_SILENT + 1); i++)
		assert_int_equal(undivided_skips(&r.u, received, false), i % (UNDIVIDED_SKIPS_SILENT + 1) < UNDIVIDED_SKIPS_SILENT);
	received += UNDIVIDED_PACKETS_MIN - 1; /* few at a time add up */
	assert_true(undivided_skips(&r.u, received, false));
	assert_false(undivided_skips(&r.u, received + 1, false));
	send(&r, 1000, 0, 1000, 0);
	look(&r);
	assert_true(r.v->watched);
	assert_false(undivided_skips(&r.u, received + 1, false)); /* suspected */
	send(&r, 1000, 0, 1000, 0);
	assert_int_equal(look(&r), UNDIVIDED_BEGAN);
	assert_false(undivided_skips(&r.u, received + 1, false)); /* undivided */
	look(&r);
	assert_true(undivided_skips(&r.u, received + 1, false)); /* and quiet */
	rig_close(&r);
}

/* All were read, and are quiet. */
static void all_seen(struct undivided *u)
{
	for (size_t i = 0; i < u->n; i++)
		u->list[i].seen = true;
	undivided_over(u);
}

/* Reading many vNICs has to be worth it: the host must have received a packet for four of them. */
static void test_skips_many(void **state)
{
	struct undivided_id ids[1000];
	struct undivided u = { 0 };
	uint32_t received = 7;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = (struct undivided_id){ i + 1, UNDIVIDED_INGRESS };
	assert_int_equal(undivided_follow(&u, ids, ARRAY_SIZE(ids)), 0);
	assert_false(undivided_skips(&u, received, false)); /* new ones */
	all_seen(&u);
	received += 249;
	assert_true(undivided_skips(&u, received, false));
	assert_false(undivided_skips(&u, received + 1, false));
	assert_int_equal(skips_in_a_row(&u, UNDIVIDED_PACKETS_MIN - 1, false), UNDIVIDED_SKIPS_SILENT);
	assert_int_equal(skips_in_a_row(&u, UNDIVIDED_PACKETS_MIN, false), UNDIVIDED_SKIPS);
	received = u.received;
	assert_int_equal(undivided_follow(&u, ids, 80), 0);
	assert_true(undivided_skips(&u, received + UNDIVIDED_PACKETS_MIN - 1, false));
	assert_false(undivided_skips(&u, received + UNDIVIDED_PACKETS_MIN, false));
	undivided_free(&u);
}

/* What the host's count leaves out: XDP may take a vNIC's packets, and what leaves by a vNIC need not have come in. */
static void test_skips_unheard(void **state)
{
	struct undivided_id ids[] = { { 1, UNDIVIDED_INGRESS }, { 2, UNDIVIDED_EGRESS } };
	struct undivided u = { 0 };

	(void)state;
	assert_int_equal(undivided_follow(&u, ids, 2), 0);
	all_seen(&u);
	assert_int_equal(skips_in_a_row(&u, 0, false), UNDIVIDED_SKIPS);
	assert_int_equal(undivided_follow(&u, ids, 1), 0);
	assert_int_equal(skips_in_a_row(&u, 0, false), UNDIVIDED_SKIPS_SILENT);
	assert_int_equal(skips_in_a_row(&u, 0, true), UNDIVIDED_SKIPS);
	undivided_free(&u);
}

/* CPU at rest has a bound: the period grows with the number of vNICs. */
static void test_period(void **state)
{
	struct undivided u = { .n = UNDIVIDED_VNICS_AT_PERIOD };

	(void)state;
	u.list = calloc(10 * u.n, sizeof(*u.list));
	assert_non_null(u.list);
	assert_int_equal(undivided_period(&u), UNDIVIDED_PERIOD_NS);
	u.n *= 10;
	assert_int_equal(undivided_period(&u), 10 * UNDIVIDED_PERIOD_NS);
	u.list[0] = (struct undivided_vnic){ .seen = true, .watched = true, .undivided = true, .missing = true };
	undivided_over(&u);
	assert_int_equal(undivided_period(&u), u.n / UNDIVIDED_VNICS_AT_AGAIN * UNDIVIDED_AGAIN_NS);
	u.n = UNDIVIDED_VNICS_AT_AGAIN;
	assert_int_equal(undivided_period(&u), UNDIVIDED_AGAIN_NS);
	undivided_free(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_in_time),
		cmocka_unit_test(test_new_vnic),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_waited), cmocka_unit_test(test_egress_in_time), cmocka_unit_test(test_directions),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_counters_begin_anew),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_skips),
		cmocka_unit_test(test_skips_many),
		cmocka_unit_test(test_skips_unheard),
		cmocka_unit_test(test_period),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("datapath/undivided", tests, NULL, NULL);
}
