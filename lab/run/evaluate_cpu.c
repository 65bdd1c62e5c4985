/* SPDX-License-Identifier: GPL-2.0-or-later */

/* CPU slots: who used how much, and gaps cut on the grid of the slots. */

#include "result.h"

#include <errno.h>
#include <math.h>

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : (double)NAN;
}

/* The specification's own share, among VMs that send, percent. */
static double specified_pct(const struct scenario *s, const struct scenario_phase *p, size_t vm)
{
	double weights = 0;

	for (size_t i = 0; i < s->n_vms; i++)
		if (scenario_sends(s, p, i))
			weights += p->shares[i].weight;
	return percent(p->shares[vm].weight, weights);
}

static void evaluate_vm_cpu(const struct scenario *s, struct phase_result *p, size_t i, double sum_used,
			    double sum_entitled, double sum_process)
{
	const struct cpu_reading *a = &p->cpu_warm, *b = &p->cpu_end;
	double used = (double)(b->vm[i].used_ns - a->vm[i].used_ns);
	double process = (double)(p->end.cpu_ns[i] - p->warm.cpu_ns[i]);
	double specified = specified_pct(s, p->phase, i);
	struct cpu_vm *v = &p->vm[i].cpu;

	*v = (struct cpu_vm){
		.there = true,
		.share_pct = percent(used, sum_used),
		.entitled_pct = percent((double)(b->vm[i].entitled_ns - a->vm[i].entitled_ns), sum_entitled),
		.process_share_pct = percent(process, sum_process),
		.used_ms = used / 1e6,
		.pauses = b->vm[i].pauses - a->vm[i].pauses,
		.longest_pause_ms = (double)slots_longest_pause(&p->slots, i) / 1e6,
	};
	v->error_pp = v->share_pct - specified;
	v->process_error_pp = v->process_share_pct - specified;
}

static void evaluate_scheduler(struct phase_result *p)
{
	const struct cpu_reading *a = &p->cpu_warm, *b = &p->cpu_end;
	struct window observed = { p->warm.at_ns, p->end.at_ns };

	p->cpu = (struct cpu_phase){
		.there = true,
		.scheduler_pct = 100 * measure_cores(b->scheduler_ns - a->scheduler_ns, observed),
		.daemon_pct = 100 * measure_cores(p->end.daemon_ns - p->warm.daemon_ns, observed),
		.decisions = b->decisions - a->decisions,
		.late_slots = b->late_slots - a->late_slots,
		.skipped_slots = b->skipped_slots - a->skipped_slots,
		.late_max_ms = b->late_max_ms,
		.realtime = b->realtime,
	};
}

static void evaluate_shares_of_cpu(const struct scenario *s, struct phase_result *p)
{
	const struct cpu_reading *a = &p->cpu_warm, *b = &p->cpu_end;
	double used = 0, entitled = 0, process = 0;

	if (!a->there || !b->there || p->phase->idle)
		return;
	evaluate_scheduler(p);
	for (size_t i = 0; i < s->n_vms; i++) {
		if (!scenario_sends(s, p->phase, i) || !b->vm[i].member)
			continue;
		used += (double)(b->vm[i].used_ns - a->vm[i].used_ns);
		entitled += (double)(b->vm[i].entitled_ns - a->vm[i].entitled_ns);
		process += (double)(p->end.cpu_ns[i] - p->warm.cpu_ns[i]);
	}
	for (size_t i = 0; i < s->n_vms; i++)
		if (scenario_sends(s, p->phase, i) && b->vm[i].member)
			evaluate_vm_cpu(s, p, i, used, entitled, process);
}

/* The first phase with slots of the same turn. */
static const struct phase_result *first_slots(const struct result *r, unsigned repetition)
{
	for (size_t k = 0; k < r->n_phases; k++)
		if (r->phases[k].phase->scheduler == SCHEDULER_CPU && r->phases[k].repetition == repetition &&
		    !slots_empty(&r->phases[k].slots, r->scenario->n_vms))
			return &r->phases[k];
	return NULL;
}

/* An unscheduled phase has no slots: it is cut on those of a scheduled one, moved in time. */
static int find_grid(const struct result *r, struct phase_result *p)
{
	const struct phase_result *from = first_slots(r, p->repetition);

	p->slots_of = NULL;
	if (p->phase->scheduler == SCHEDULER_CPU) {
		p->slots_of = slots_empty(&p->slots, r->scenario->n_vms) ? NULL : p->phase->name;
		return 0;
	}
	if (p->phase->scheduler != SCHEDULER_NONE || p->phase->idle || !from)
		return 0;
	slots_free(&p->slots);
	p->slots_of = from->phase->name;
	return slots_shift(&from->slots, r->scenario->n_vms, from->steady.from_ns, p->steady.from_ns,
			   p->steady.to_ns, &p->slots);
}

/* Where a shifted grid ends before the phase does, the phase is judged up to there. */
static struct window covered(const struct phase_result *p, size_t n_vms)
{
	struct window w = { p->steady.from_ns, p->steady.from_ns };

	for (size_t i = 0; i < n_vms; i++)
		if (p->slots.n[i] && p->slots.turn[i][p->slots.n[i] - 1].to_ns > w.to_ns)
			w.to_ns = p->slots.turn[i][p->slots.n[i] - 1].to_ns;
	return w;
}

static int evaluate_gaps(const struct result *r, struct phase_result *p)
{
	struct window w = covered(p, r->scenario->n_vms);
	int err;

	for (size_t i = 0; p->slots_of && i < r->scenario->n_vms; i++) {
		struct trace t = measure_slice(r->trace[i], w);
		struct vm_result *v = &p->vm[i];

		err = measure_gaps_inside(t, p->slots.turn[i], p->slots.n[i], &v->inside);
		if (err == -ENOMEM)
			return err;
		v->has_inside = err == 0;
		err = measure_gaps_across(t, p->slots.turn[i], p->slots.n[i], &v->across);
		if (err == -ENOMEM)
			return err;
		v->has_across = err == 0;
	}
	return 0;
}

int result_evaluate_cpu(struct result *r)
{
	for (size_t k = 0; k < r->n_phases; k++) {
		int err = find_grid(r, &r->phases[k]);

		if (err == 0)
			err = evaluate_gaps(r, &r->phases[k]);
		if (err < 0)
			return err;
		evaluate_shares_of_cpu(r->scenario, &r->phases[k]);
	}
	return 0;
}
