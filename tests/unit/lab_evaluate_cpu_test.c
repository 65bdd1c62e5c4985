/* SPDX-License-Identifier: GPL-2.0-or-later */

/* CPU slots: shares of CPU time, gaps cut on the slots, and an unscheduled phase cut on the same grid. */

#include "lab/run/result.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S NSEC_PER_SEC
#define MS NSEC_PER_MSEC
#define TURN (10 * MS)

static void near(double got, double want, double eps)
{
	if (!(fabs(got - want) <= eps))
		fail_msg("%.9f is not %.9f", got, want);
}

/* 10..14 s unscheduled, 14..18 s in slots: a and b by turns, each with a frame every 1 ms of its turn. */
struct fixture {
	struct scenario_vm vms[2];
	struct scenario_phase phases[2];
	struct scenario scenario;
	struct result r;
	struct sample s[2][10000];
};

static void add(struct fixture *f, size_t vm, uint64_t ns)
{
	struct trace *t = &f->r.trace[vm];

	f->s[vm][t->n++] = (struct sample){ ns, 1000 };
	t->s = f->s[vm];
}

static void in_slots(struct fixture *f)
{
	struct phase_result *p = &f->r.phases[1];

	for (size_t i = 0; i < 2; i++)
		p->slots.turn[i] = calloc(100, sizeof(**p->slots.turn));
	for (size_t k = 0; k < 200; k++) {
		uint64_t from = 16 * S + k * TURN;

		p->slots.turn[k % 2][p->slots.n[k % 2]++] = (struct window){ from, from + TURN };
		for (size_t j = 0; j < 10; j++)
			add(f, k % 2, from + j * MS);
	}
	p->cpu_warm = (struct cpu_reading){ .there = true, .vm = { { true, 5, 5, 5 }, { true, 7, 7, 7 } } };
	p->cpu_end = (struct cpu_reading){ .there = true,
					   .vm = { { true, 5 + 660, 5 + 600, 105 },
						   { true, 7 + 340, 7 + 400, 107 } },
					   .scheduler_ns = 20 * MS,
					   .decisions = 200 };
	p->warm.at_ns = 16 * S;
	p->end.at_ns = 18 * S;
	p->end.daemon_ns = 30 * MS;
	p->end.cpu_ns[0] = 700;
	p->end.cpu_ns[1] = 300;
}

static int setup(void **state)
{
	static char names[2][2] = { "a", "b" };
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < 2; i++)
		f->vms[i] = (struct scenario_vm){ .name = names[i], .sends = true, .of = i };
	f->phases[0] = (struct scenario_phase){ .name = names[0], .scheduler = SCHEDULER_NONE, .seconds = 4,
						.shares = { { 1 }, { 1 } } };
	f->phases[1] = (struct scenario_phase){ .name = names[1], .scheduler = SCHEDULER_CPU, .seconds = 4,
						.has_shares = true, .shares = { { 60 }, { 40 } } };
	f->scenario = (struct scenario){ .capacity = { 1000000 }, .repeat = 1, .vms = f->vms, .n_vms = 2, .n_guests = 2,
					 .phases = f->phases, .n_phases = 2 };
	f->r.scenario = &f->scenario;
	f->r.phases = calloc(2, sizeof(*f->r.phases));
	f->r.n_phases = 2;
	for (size_t k = 0; k < 2; k++) {
		f->r.phases[k].phase = &f->phases[k];
		f->r.phases[k].repetition = 1;
		f->r.phases[k].window = (struct window){ (4 * k + 10) * S, (4 * k + 14) * S };
	}
	/* Without slots: a frame of each VM every 2 ms. */
	for (uint64_t ns = 10 * S; ns < 14 * S; ns += 2 * MS) {
		add(f, 0, ns);
		add(f, 1, ns);
	}
	in_slots(f);
	*state = f;
	return result_evaluate(&f->r);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	result_free(&f->r);
	free(f);
	return 0;
}

static void test_shares(void **state)
{
	struct fixture *f = *state;
	const struct phase_result *p = &f->r.phases[1];

	assert_true(p->vm[0].cpu.there);
	assert_false(f->r.phases[0].vm[0].cpu.there);
	near(p->vm[0].cpu.share_pct, 66, 1e-9);
	near(p->vm[0].cpu.error_pp, 6, 1e-9);
	near(p->vm[1].cpu.error_pp, -6, 1e-9);
	near(p->vm[0].cpu.entitled_pct, 60, 1e-9);
	near(p->vm[0].cpu.process_error_pp, 10, 1e-9);
	assert_int_equal(p->vm[0].cpu.pauses, 100);
	near(p->vm[0].cpu.longest_pause_ms, 10, 1e-9);
	assert_true(p->cpu.there);
	near(p->cpu.scheduler_pct, 1, 1e-9);
	near(p->cpu.daemon_pct, 1.5, 1e-9);
	assert_int_equal(p->cpu.decisions, 200);
}

static void test_gaps(void **state)
{
	struct fixture *f = *state;
	const struct vm_result *v = &f->r.phases[1].vm[0];

	/* 100 turns of 10 frames: 9 gaps inside each, 99 of 11 ms between them. */
	assert_true(v->has_inside && v->has_across);
	assert_int_equal(v->inside.n, 900);
	near(v->inside.mean_ms, 1, 1e-9);
	assert_int_equal(v->across.n, 99);
	near(v->across.mean_ms, 11, 1e-9);
	near(v->inside.left_out, 99.0 / 999, 1e-9);
}

static void test_same_grid(void **state)
{
	struct fixture *f = *state;
	const struct phase_result *p = &f->r.phases[0];

	assert_string_equal(p->slots_of, "b");
	assert_int_equal(p->slots.n[0], 100);
	assert_int_equal(p->slots.turn[0][0].from_ns, 12 * S);
	assert_int_equal(p->slots.turn[1][0].from_ns, 12 * S + TURN);
	/* Frames at 0, 2, 4, 6, 8 ms of each turn: 4 gaps inside. */
	assert_int_equal(p->vm[0].inside.n, 400);
	near(p->vm[0].inside.mean_ms, 2, 1e-9);
	near(p->vm[0].inside.sd_ms, 0, 1e-9);
}

/* No limit of the wire: utilisation means nothing, ratios do. */
static void test_unlimited(void **state)
{
	struct fixture *f = *state;

	assert_true(result_judged(&f->r, &f->r.phases[1]));
	assert_true(isnan(f->r.phases[1].utilisation));
	near(f->r.phases[1].vm[0].error_pp, -10, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_grid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlimited, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
