/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a vNIC is no longer called undivided, from readings that are written by hand. */
#include "undivided_rig.h"

static void test_ends(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	assert_true(time_until_said(&r, 10000, 0, 100, 0));
	for (int i = 0; i < 5; i++) /* quiet: nothing new is known */
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	assert_true(r.v->undivided);
	send(&r, 1000, 0, 0, 0);
	assert_int_equal(look(&r), UNDIVIDED_SAME);
	send(&r, 1000, 0, 1000, 0); /* one good window is not enough, and they must be in a row */
	assert_int_equal(look(&r), UNDIVIDED_SAME);
	send(&r, 1000, 0, 0, 0);
	assert_int_equal(look(&r), UNDIVIDED_SAME);
	send(&r, 1000, 500, 0, 0);
	assert_int_equal(look(&r), UNDIVIDED_ENDED);
	assert_false(r.v->undivided || r.v->watched);
	assert_true(time_until_said(&r, 10000, 0, 100, 0)); /* and again */
	for (int i = 0; i < 2 * UNDIVIDED_PACKETS_MIN - 1; i++) { /* few at a time add up */
		send(&r, 1, 0, 0, 0);
		assert_int_equal(look(&r), UNDIVIDED_SAME);
	}
	send(&r, 1, 0, 0, 0);
	assert_int_equal(look(&r), UNDIVIDED_ENDED);
	rig_close(&r);
}

/* Packets until the next look, of which so many are kept. */
static void flow(struct rig *r, uint64_t n, uint64_t kept)
{
	if (r->v->at == UNDIVIDED_INGRESS)
		send(r, n, 0, kept, 0);
	else
		passes(r, n - kept, n);
}

struct ending {
	enum undivided_at at;
	uint64_t pps;
	unsigned int kept, looks, phase; /* percent; looks before what keeps goes, at that percentage of the next look's time */
};

/* From then until the vNIC is called divided again: nanoseconds; UINT64_MAX: never. */
static uint64_t time_until_ended(const struct ending *e)
{
	uint64_t gone, n, ns = UINT64_MAX;
	struct rig r;

	rig_open(&r, e->at);
	known(&r);
	r.now.waiting = 1000; /* as long as a tap's queue is */
	flow(&r, 100, 100);
	look(&r);
	flow(&r, 10000, 100 * e->kept);
	assert_int_equal(look(&r), UNDIVIDED_BEGAN);
	for (unsigned int i = 0; i < e->looks; i++) {
		n = e->pps * undivided_period(&r.u) / NSEC_PER_SEC;
		flow(&r, n, n * e->kept / 100);
		assert_int_equal(look(&r), UNDIVIDED_SAME);
		assert_true(undivided_known(&r.u, r.v, r.ns + UNDIVIDED_WITHIN_NS));
	}
	gone = r.ns + undivided_period(&r.u) * e->phase / 100;
	n = e->pps * undivided_period(&r.u) / NSEC_PER_SEC;
	flow(&r, n, n * e->kept * e->phase / 10000);
	for (int i = 0; i < 100 && ns == UINT64_MAX; i++) {
		if (look(&r) == UNDIVIDED_ENDED)
			ns = r.ns - gone;
		n = e->pps * undivided_period(&r.u) / NSEC_PER_SEC;
		flow(&r, n, 0);
	}
	rig_close(&r);
	return ns;
}

/* Whatever kept them, whenever it goes, and however many there are. */
static void test_ends_in_time(void **state)
{
	static const enum undivided_at ats[] = { UNDIVIDED_INGRESS, UNDIVIDED_MERGED, UNDIVIDED_EGRESS };
	static const uint64_t rates[] = { 60, 300, 1000, 3000, 100000 };
	static const unsigned int kept[] = { 100, 27 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ats) * ARRAY_SIZE(rates) * ARRAY_SIZE(kept); i++)
		for (unsigned int looks = 0; looks < 12; looks++)
			for (unsigned int phase = 0; phase <= 100; phase += 10) {
				const struct ending e = { ats[i % 3], rates[i / 3 % ARRAY_SIZE(rates)],
							  kept[i / 3 / ARRAY_SIZE(rates)], looks, phase };

				assert_in_range(time_until_ended(&e), 1, UNDIVIDED_WITHIN_NS);
			}
}

/* A VM that is quiet tells nothing, nor does one that sends little. */
static void test_not_known(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, UNDIVIDED_INGRESS);
	known(&r);
	assert_true(time_until_said(&r, 10000, 0, 100, 0));
	assert_true(undivided_known(&r.u, r.v, r.ns + UNDIVIDED_WITHIN_NS));
	assert_false(undivided_known(&r.u, r.v, r.ns + UNDIVIDED_WITHIN_NS + 1));
	for (int i = 0; i < 10; i++)
		look(&r);
	assert_true(r.v->undivided);
	assert_false(undivided_known(&r.u, r.v, r.ns));
	assert_int_equal(undivided_period(&r.u), UNDIVIDED_PERIOD_NS); /* quiet: it costs no more than others */
	send(&r, 1, 0, 1, 0);
	look(&r);
	assert_true(undivided_known(&r.u, r.v, r.ns));
	assert_int_equal(undivided_period(&r.u), UNDIVIDED_AGAIN_NS);
	send(&r, 1, 0, 0, 0);
	look(&r);
	assert_true(r.v->undivided);
	assert_false(undivided_known(&r.u, r.v, r.ns));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ends_in_time),
		cmocka_unit_test(test_not_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("datapath/undivided ends", tests, NULL, NULL);
}
