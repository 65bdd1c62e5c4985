/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a run's observations are worth: loaded or not, backlogged or not, loss and drops in the right phase.
 */

#include "lab/measure/range.h"
#include "lab/run/result.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S NSEC_PER_SEC

/* Two phases of 10 s, nothing and divvy, on a wire of 8 Mbit/s: 1,000 frames of 1,000 B a second fill it. */
struct fixture {
	char names[2][2];
	struct scenario_vm vms[4];
	struct scenario_phase phases[2];
	struct scenario scenario;
	struct result r;
	struct sample *s[4];
};

static void add(struct fixture *f, size_t vm, uint64_t from_s, uint64_t to_s, unsigned per_s)
{
	struct trace *t = &f->r.trace[vm];

	for (uint64_t k = 0; k < (to_s - from_s) * per_s; k++)
		f->s[vm][t->n++] = (struct sample){ from_s * S + k * S / per_s, 1000 };
	t->s = f->s[vm];
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < 4; i++)
		f->s[i] = calloc(100000, sizeof(*f->s[i]));
	for (size_t i = 0; i < 2; i++) {
		f->vms[i] = (struct scenario_vm){ .name = f->names[i], .sends = true, .of = i };
		f->names[i][0] = i ? 'b' : 'a';
	}
	f->phases[0] = (struct scenario_phase){ .scheduler = SCHEDULER_NONE, .seconds = 10,
						.shares = { { 1 }, { 1 } } };
	f->phases[1] = (struct scenario_phase){
		.scheduler = SCHEDULER_DIVVY, .seconds = 10, .has_shares = true, .shares = { { 60 }, { 40 } }
	};
	f->scenario = (struct scenario){ .wire = { 1000000 }, .capacity = { 1000000 }, .repeat = 1, .vms = f->vms,
					 .n_vms = 2, .n_guests = 2, .phases = f->phases, .n_phases = 2 };
	f->r.scenario = &f->scenario;
	f->r.phases = calloc(2, sizeof(*f->r.phases));
	f->r.n_phases = 2;
	for (size_t k = 0; k < 2; k++) {
		struct phase_result *p = &f->r.phases[k];

		p->phase = &f->phases[k];
		p->window = (struct window){ (10 * k + 10) * S, (10 * k + 20) * S };
		p->changed = k == 1;
		p->warm.at_ns = p->window.from_ns + 2 * S;
		p->end.at_ns = p->window.to_ns;
		for (size_t i = 0; i < 2; i++) {
			p->end.tap_bytes[i] = 8 * 2000000; /* each alone could fill the wire twice */
			p->end.cpu_ns[i] = 4 * S;
		}
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	result_free(&f->r);
	for (size_t i = 0; i < 4; i++)
		free(f->s[i]);
	free(f);
	return 0;
}

static void near(double got, double want, double eps)
{
	if (!(fabs(got - want) <= eps))
		fail_msg("%.9f is not %.9f", got, want);
}

static void test_loaded(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];

	add(f, 0, 10, 20, 700);
	add(f, 1, 10, 20, 300);
	add(f, 0, 20, 22, 900); /* warm-up, not counted */
	add(f, 1, 20, 22, 100);
	add(f, 0, 22, 30, 610);
	add(f, 1, 22, 30, 390);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_true(f->r.load_known && f->r.loaded);
	near(p->vm[0].mbps, 4.88, 1e-9);
	near(p->vm[0].share_pct, 61, 1e-9);
	near(p->vm[0].error_pp, 1, 1e-9);
	near(p->vm[1].error_pp, -1, 1e-9);
	near(p->utilisation, 1, 1e-9);
	near(p->vm[0].entitled_mbps, 4.8, 1e-9);
	near(p->vm[0].cpu_cores, 0.5, 1e-9);
	near(p->vm[0].cpu_per_mbit, 0.5 / 4.88, 1e-9);
	near(p->settled_ms, 2000, 1e-9);
	/* Nobody promised shares in the first phase. */
	near(f->r.phases[0].vm[0].share_pct, 70, 1e-9);
	assert_true(isnan(f->r.phases[0].vm[0].error_pp));
	assert_true(isnan(f->r.phases[0].settled_ms));
}

/* b's share is 4 of 8 Mbit/s, and it offers 0.8: a is entitled to its reserve and to the rest. */
static void test_reserves(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];

	f->phases[0].has_reserves = f->phases[1].has_reserves = true;
	f->phases[0].reserve[0] = f->phases[1].reserve[0] = (struct rate){ 500000 };
	f->r.phases[0].end.tap_bytes[1] = f->r.phases[1].end.tap_bytes[1] = 8 * 100000;
	add(f, 0, 10, 30, 890);
	add(f, 1, 10, 30, 100);
	assert_int_equal(result_evaluate(&f->r), 0);
	near(p->vm[0].entitled_mbps, 7.2, 1e-9);
	near(p->vm[1].entitled_mbps, 0.8, 1e-9);
	near(p->vm[0].entitlement_error_pp, -1, 1e-9); /* 7.12 of 8 */
	near(p->vm[1].entitlement_error_pp, 0, 1e-9);
	assert_true(isnan(f->r.phases[0].vm[0].entitlement_error_pp));
}

/* A video sends what it has: delivered counts, its share does not, nor is its rate a ratio that settles. */
static void test_video(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];

	f->vms[0].traffic.kind = TRAFFIC_VIDEO;
	p->phase = &f->phases[1];
	f->phases[1].scheduler = SCHEDULER_CPU; /* where a flood always has more to do */
	add(f, 0, 10, 30, 50);
	add(f, 1, 10, 30, 950);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_true(f->r.loaded);
	near(p->vm[0].mbps, 0.4, 1e-9);
	assert_false(p->vm[0].backlogged);
	assert_true(isnan(p->vm[0].share_pct) && isnan(p->vm[0].error_pp));
	assert_true(p->vm[1].backlogged);
	assert_true(isnan(p->settled_ms));
	/* Nobody has received anything: no figure. */
	assert_false(p->vm[0].video.there);
	assert_true(isnan(p->vm[0].video.ssim) && isnan(p->vm[0].video.loss_pct));
}

/* Both VMs send and receive: shares are of each direction's own, and each direction has the capacity. */
static void test_receives(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];

	for (size_t i = 2; i < 4; i++) {
		f->vms[i] = (struct scenario_vm){ .name = f->names[i - 2], .sends = true, .receives = true, .of = i - 2 };
		f->vms[i].traffic = (struct traffic_config){ .kind = TRAFFIC_TCP, .rate_bps = 6000000 };
		f->phases[0].shares[i] = f->phases[1].shares[i] = (struct share){ i == 2 ? 60 : 40 };
	}
	f->scenario.n_vms = 4;
	f->scenario.rx = true;
	p->sndbuf[0] = 60000;
	add(f, 0, 10, 30, 610);
	add(f, 1, 10, 30, 390);
	add(f, 2, 10, 30, 570);
	add(f, 3, 10, 30, 380);
	assert_int_equal(result_evaluate(&f->r), 0);
	near(p->vm[0].error_pp, 1, 1e-9);
	near(p->vm[2].share_pct, 60, 1e-9);
	near(p->vm[3].error_pp, 0, 1e-9);
	near(p->vm[2].entitled_mbps, 4.8, 1e-9);
	near(p->vm[2].offered_mbps, 6, 1e-9);
	near(p->utilisation, 0.975, 1e-9);
	assert_true(isnan(p->vm[2].cpu_cores) && !isnan(p->vm[0].cpu_cores));
	assert_false(p->vm[2].has_gaps);
	assert_true(isnan(p->vm[2].measures[0]) && isnan(p->settled_ms));
	/* A flood of UDP that is slower than its VM's part is no evidence against the shares. */
	f->vms[2].traffic = (struct traffic_config){ .kind = TRAFFIC_UDP, .rate_bps = 4000000 };
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_false(p->vm[2].backlogged);
	near(p->vm[3].error_pp, 0, 1e-9);
	assert_true(isnan(p->vm[2].error_pp));
}

static void test_not_loaded(void **state)
{
	struct fixture *f = *state;

	add(f, 0, 10, 30, 500);
	add(f, 1, 10, 30, 400);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_true(f->r.load_known && !f->r.loaded);
	assert_false(result_judged(&f->r, &f->r.phases[1]));
	assert_true(isnan(f->r.phases[1].vm[0].share_pct));
	assert_true(isnan(f->r.phases[1].vm[0].error_pp));
	assert_true(isnan(f->r.phases[1].jain));
}

/* A VM that offers less than it is entitled to is no evidence against the shares. */
static void test_not_backlogged(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];

	for (size_t k = 0; k < 2; k++)
		f->r.phases[k].end.tap_bytes[1] = 8 * 300000; /* entitled to 400,000 a second */
	add(f, 0, 10, 30, 700);
	add(f, 1, 10, 30, 300);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_true(p->vm[0].backlogged && !p->vm[1].backlogged);
	near(p->vm[0].error_pp, 0, 1e-9); /* alone among the backlogged */
	assert_true(isnan(p->vm[1].error_pp));
}

/* What it could offer without a scheduler counts only where backpressure hides what it has. */
static void test_backlogged_behind_backpressure(void **state)
{
	struct fixture *f = *state;

	f->r.phases[1].end.tap_bytes[1] = 8 * 300000;
	add(f, 0, 10, 30, 700);
	add(f, 1, 10, 30, 300);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_false(f->r.phases[1].vm[1].backlogged);
	f->r.phases[1].sndbuf[1] = 50000;
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_true(f->r.phases[1].vm[1].backlogged);
	near(f->r.phases[1].vm[1].error_pp, -10, 1e-9);
}

static void test_unknown_load(void **state)
{
	struct fixture *f = *state;

	f->phases[0].idle = true;
	add(f, 0, 20, 30, 300);
	add(f, 1, 20, 30, 200);
	assert_int_equal(result_evaluate(&f->r), 0);
	assert_false(f->r.load_known);
	assert_true(result_judged(&f->r, &f->r.phases[1]));
	assert_false(result_judged(&f->r, &f->r.phases[0]));
	near(f->r.phases[1].vm[0].error_pp, 0, 1e-9);
}

static void test_loss_drops_rtt(void **state)
{
	struct fixture *f = *state;
	struct phase_result *p = &f->r.phases[1];
	struct heard *h = &f->r.heard[0];

	add(f, 0, 10, 30, 600);
	add(f, 1, 10, 30, 400);
	h->intervals = calloc(20, sizeof(*h->intervals));
	h->rtts = calloc(20, sizeof(*h->rtts));
	h->n_intervals = h->n_rtts = 20;
	for (size_t k = 0; k < 20; k++) {
		/*
		 * Reports at 10.5, 11.5, ... s of the second before; 50 % lost up to 22.5 s, 1 % from there
		 * on.
		 */
		h->intervals[k] = (struct traffic_interval){ (10 + k) * S + S / 2, S, k <= 12 ? 50 : 1, 100 };
		h->rtts[k] = (struct traffic_rtt){ (10 + k) * S, k < 12 ? 1 : (k - 11) * 1000000 };
	}
	p->begin.qdisc_drops = 100;
	p->end.qdisc_drops = 107;
	p->begin.tap_drops[1] = 1;
	p->end.tap_drops[1] = 3;
	p->begin.wire_drops = 5;
	p->end.wire_drops = 6;
	p->sndbuf[0] = 60000;
	f->r.phases[0].begin.qdisc_drops = 50; /* a queue that went away */
	assert_int_equal(result_evaluate(&f->r), 0);
	near(p->vm[0].loss_pct, 1, 1e-9);
	assert_true(isnan(p->vm[1].loss_pct));
	assert_int_equal(p->queue_drops, 9);
	assert_int_equal(p->wire_drops, 1);
	assert_int_equal(f->r.phases[0].queue_drops, 0);
	assert_int_equal(p->vm[0].n_rtts, 8);
	near(p->vm[0].rtt_p50_ms, 4, 1e-9);
	near(p->vm[0].rtt_p99_ms, 8, 1e-9);
	near(p->vm[0].bound_ms, 100, 1e-9); /* 60,000 B at 4.8 Mbit/s */
	assert_int_equal(p->vm[1].n_rtts, 0);
}

static void test_range(void **state)
{
	(void)state;
	double odd[] = { 3, 1, NAN, 2 }, even[] = { 4, 1, 3, 2 }, none[] = { NAN };
	struct range v = range_of(odd, 4);

	near(v.median, 2, 0);
	near(v.min, 1, 0);
	near(v.max, 3, 0);
	near(range_of(even, 4).median, 2.5, 0);
	assert_true(isnan(range_of(none, 1).median));
	assert_true(isnan(range_of(none, 0).max));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_video, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_backlogged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlogged_behind_backpressure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loss_drops_rtt, setup, teardown),
		cmocka_unit_test(test_range),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
