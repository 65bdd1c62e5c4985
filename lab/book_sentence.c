/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The targets of the paper's figures, and one sentence a figure on what holds and what does not. */

#include "book_measure.h"
#include "book_parts.h"
#include "book_series.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define WARMUP_S 2 /* as measure_steady() */
#define UNEVEN_PCT 5 /* unscheduled VMs that differ by more count as uneven */

/* --- targets ------------------------------------------------------------------------------------- */

static double settled_change(const json_t *phase, const void *data)
{
	(void)data;
	return json_is_true(json_object_get(phase, "changed")) ? measure_of(phase, MEASURE_SETTLED) :
								 (double)NAN;
}

/*
 * The worst of the steps by their medians. changes_only: of MEASURE_SETTLED, after changes of running
 * traffic.
 */
static struct spread worst_step(const struct book_scenario *s, const char *under, enum measure m,
				bool changes_only)
{
	struct spread worst = {};

	for (size_t k = changes_only ? 1 : 0; k < s->n_steps; k++) {
		struct spread v = changes_only ? book_spread(s, under, s->step[k], settled_change, NULL) :
						 measure_spread(s, under, s->step[k], m);

		if (v.n && (!worst.n || (measure_kinds[m].more_is_better ? v.r.median < worst.r.median :
									   v.r.median > worst.r.median)))
			worst = v;
	}
	return worst;
}

static void figure_target(struct targets *t, const struct paper_figure *p, const struct book_scenario *s,
			  enum measure m, const char *brief, double bound, const char *unit, int digits,
			  bool changes_only)
{
	const struct measure_kind *kind = &measure_kinds[m];
	char what[120], reach[60];
	struct target *one;
	const char *device = s ? book_under_of(s, UNDER_DEVICE) : NULL;

	snprintf(what, sizeof(what), "Figure %s%s%.40s: %s", p->number,
		 s && strcmp(s->name, p->scenario) ? ", " : "",
		 s && strcmp(s->name, p->scenario) ? s->name : "", brief);
	snprintf(reach, sizeof(reach), "%s %g %s", kind->more_is_better ? "at least" : "at most", bound,
		 unit);
	one = targets_add(t, s ? s->name : p->id, what, brief, reach);
	if (!s || !device)
		target_unknown(one, !s ? "not run" : "device scheduling was not run");
	else if (m == MEASURE_ERROR && !book_loaded(s))
		target_unknown(one, "not loaded: the guests did not fill the wire");
	else
		target_judge(one, worst_step(s, device, m, changes_only), bound, kind->more_is_better, digits,
			     unit);
	/* a change that never settled has no figure to judge by */
	if (s && device && m == MEASURE_SETTLED)
		for (size_t k = 1; k < s->n_steps; k++) {
			char text[100];

			if (strstr(measure_text(s, device, s->step[k], m, text, sizeof(text)),
				   "not settled")) {
				one->outcome = OUTCOME_MISSED;
				snprintf(one->ours, sizeof(one->ours), "%s", text);
			}
		}
}

static double worst_ratio(const json_t *phase, const void *data)
{
	double worst = (double)NAN;
	json_t *vm;
	size_t i;

	(void)data;
	json_array_foreach(json_object_get(phase, "vms"), i, vm)
		worst = fmax(worst, book_number(vm, "ipd_ms.p99") / book_number(vm, "ipd_ms.p50"));
	return worst;
}

/* Figure 8: the device's p99 against the other ways of dividing, all gaps counted. */
static void gap_targets(struct targets *t, const struct paper_figure *p, const struct book_scenario *s)
{
	static const struct {
		enum under_kind kind;
		const char *brief;
	} others[] = {
		{ UNDER_NOTHING, "p99 of the gaps against the unscheduled" },
		{ UNDER_CPU, "p99 of the gaps against CPU slots" },
		{ UNDER_CPU_BEST, "p99 of the gaps against the best CPU policy" },
	};
	const char *device = s ? book_under_of(s, UNDER_DEVICE) : NULL;
	struct target *one = targets_add(t, s ? s->name : p->id,
					 "Figure 8: p99 of all gaps, as a multiple of p50 (worst VM)",
					 "p99 / p50 of the gaps", "at most 2");
	struct spread ours;

	if (!device) {
		target_unknown(one, "not run");
		return;
	}
	target_judge(one, book_spread(s, device, NULL, worst_ratio, NULL), 2, false, 2, "");
	ours = measure_spread(s, device, NULL, MEASURE_IPD_P99);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *under = book_under_of(s, others[i].kind);
		struct spread theirs = under ? measure_spread(s, under, NULL, MEASURE_IPD_P99) :
					       (struct spread){};
		char what[120], reach[60], text[2][60];

		if (!theirs.n || !ours.n)
			continue;
		snprintf(what, sizeof(what), "Figure 8: %s (worst VM)", others[i].brief);
		snprintf(reach, sizeof(reach), "below %s ms",
			 spread_text(theirs, 3, text[0], sizeof(text[0])));
		one = targets_add(t, s->name, what, others[i].brief, reach);
		snprintf(one->ours, sizeof(one->ours), "%s ms",
			 spread_text(ours, 3, text[1], sizeof(text[1])));
		one->outcome = ours.r.median >= theirs.r.median ? OUTCOME_MISSED :
			       ours.r.max >= theirs.r.min	? OUTCOME_PARTLY :
								  OUTCOME_REACHED;
	}
}

/* Shares changed while UDP runs: wherever a scenario of UDP alone does that under device scheduling. */
static void udp_change(const struct book *b, struct targets *t)
{
	struct target *one = targets_add(t, "change", "UDP, shares changed while it runs: settled", "settled",
					 "at most 100 ms");
	const struct book_scenario *worst_of = NULL;
	struct spread worst = {};

	for (size_t i = 0; i < b->n_scenarios; i++) {
		const struct book_scenario *s = &b->scenarios[i];
		const char *device = s->summary ? book_under_of(s, UNDER_DEVICE) : NULL;
		struct spread v;

		if (!device || s->n_steps < 2 || !book_traffic(s, "udp") || book_traffic(s, "tcp") ||
		    book_traffic(s, "icmp"))
			continue;
		v = worst_step(s, device, MEASURE_SETTLED, true);
		if (v.n && (!worst.n || v.r.median > worst.r.median)) {
			worst = v;
			worst_of = s;
		}
	}
	if (!worst_of) {
		target_unknown(one, "no scenario of this run changes the shares of UDP");
		return;
	}
	target_judge(one, worst, 100, false, 0, "ms");
	append_text(one->ours, sizeof(one->ours), " (%.60s)", worst_of->name);
}

void targets_figures(const struct book *b, struct targets *t)
{
	for (size_t k = 0; k < paper_n_figures; k++) {
		const struct paper_figure *p = &paper_figures[k];
		const struct book_scenario *s = figure_scenario(b, p, 0);
		size_t i = 0;

		do {
			/* figure 8 shares its data with figure 5: what is of the data is said there */
			if (p->error_pp > 0)
				figure_target(t, p, s, MEASURE_ERROR, "share error of the worst VM",
					      p->error_pp, "points", 3, false);
			if (p->utilisation_pct > 0)
				figure_target(t, p, s, MEASURE_UTILISATION, "utilisation of the wire",
					      p->utilisation_pct, "%", 1, false);
			if (p->settled_ms > 0)
				figure_target(t, p, s, MEASURE_SETTLED, "settled after the change",
					      p->settled_ms, "ms", 0, true);
			if (p->gaps && p->scheduled)
				gap_targets(t, p, s);
			s = s ? figure_scenario(b, p, ++i) : NULL;
		} while (s);
	}
	udp_change(b, t);
}

/* --- sentences ----------------------------------------------------------------------------------- */

static bool of_figure(const struct target *t, const struct paper_figure *p, const struct book_scenario *s)
{
	char start[20];

	snprintf(start, sizeof(start), "Figure %s", p->number);
	return strcmp(t->id, s->name) == 0 && strncmp(t->what, start, strlen(start)) == 0 &&
	       strchr(":,", t->what[strlen(start)]);
}

static unsigned list(const struct paper_figure *p, const struct book_scenario *s, const struct targets *t,
		     bool reached, char *out, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct target *one = &t->t[i];

		if (!of_figure(one, p, s) ||
		    (reached ? one->outcome < OUTCOME_PARTLY : one->outcome != OUTCOME_MISSED))
			continue;
		append_text(out, size, "%s%s: %s (%s%s)", n ? ", " : "", one->brief, one->ours, one->reach,
			    one->outcome == OUTCOME_PARTLY ? ", not in every repetition" : "");
		n++;
	}
	return n;
}

static double paper_worst_error(const struct paper_figure *p)
{
	double worst = (double)NAN;

	for (size_t i = 0; i < p->n_vms; i++)
		worst = fmax(worst, fabs(paper_error_pp(p, i)));
	return worst;
}

/* "; CPU slots err by 0.42 points (the paper's own run by 0.90), CPU slots, smooth by 0.10" */
static void cpu_part(const struct book_scenario *s, const struct paper_figure *p, char *out, size_t size)
{
	const char *cpu = book_under_of(s, UNDER_CPU), *best = book_under_of(s, UNDER_CPU_BEST);
	struct spread v = cpu ? worst_step(s, cpu, MEASURE_ERROR, false) : (struct spread){};
	struct spread w = best ? worst_step(s, best, MEASURE_ERROR, false) : (struct spread){};

	if (v.n)
		append_text(out, size, "; CPU slots err by %.2f points", v.r.median);
	if (v.n && !isnan(paper_worst_error(p)))
		append_text(out, size, " (the paper's own run by %.2f)", paper_worst_error(p));
	if (v.n && w.n)
		append_text(out, size, ", with the other policy by %.2f", w.r.median);
}

static void gaps_part(const struct book_scenario *s, const struct paper_figure *p, char *out, size_t size)
{
	const char *cpu = book_under_of(s, UNDER_CPU), *device = book_under_of(s, UNDER_DEVICE);
	struct spread inside = cpu ? book_spread_path(s, cpu, NULL, 0, "ipd_inside_slots_ms.sd_by_mean") :
				     (struct spread){};
	struct spread all = device ? measure_spread(s, device, NULL, MEASURE_IPD_CV) : (struct spread){};

	if (all.n)
		append_text(out, size,
			    "; the gaps' sd / mean is %.2f under device scheduling, all gaps counted",
			    all.r.median);
	if (inside.n)
		append_text(out, size, "%s %.2f inside CPU slots", all.n ? "," : "; the gaps' sd / mean is",
			    inside.r.median);
	if (all.n || inside.n)
		append_text(out, size, " (the paper: %.2f)", paper_ipd_cv(p, 0));
}

/* Between the first two VMs, Mbit/s, in a bin of bandwidth.csv after the warm-up; NAN: no series. */
static double largest_difference(const struct book_scenario *s, const char *under)
{
	_cleanup_(series_free) struct series series = {};
	double most = (double)NAN;

	if (book_n_vms(s) < 2 || series_bandwidth(s, under, SIZE_MAX, &series) < 0)
		return most;
	for (size_t i = 0; i < series.n; i++)
		if (series.p[i].x >= WARMUP_S)
			most = fmax(most, fabs(series.p[i].y[0] - series.p[i].y[1]));
	return most;
}

/* Figures 1 and 7: there is no scheduler whose promise could hold. */
static enum mark unscheduled(const struct book_scenario *s, const struct paper_figure *p, char *out,
			     size_t size)
{
	const char *nothing = book_under_of(s, UNDER_NOTHING);
	struct spread v[2];

	double most;

	if (!nothing)
		return MARK_WEAK;
	for (int i = 0; i < 2; i++)
		v[i] = book_spread_path(s, nothing, NULL, i, p->gaps ? "ipd_ms.sd_by_mean" : "mbps");
	if (!v[0].n || !v[1].n)
		return MARK_WEAK;
	if (p->gaps) {
		append_text(out, size,
			    "Unscheduled, the delay between packets varies by %.2f and %.2f of its mean (sd / "
			    "mean), in the paper by %.2f and %.2f: ",
			    v[0].r.median, v[1].r.median, paper_ipd_cv(p, 0), paper_ipd_cv(p, 1));
		append_text(out, size, "here it is %s regular.",
			    v[0].r.median > paper_ipd_cv(p, 0) ? "less" : "at least as");
		return MARK_NONE;
	}
	double differ = 200 * fabs(v[0].r.median - v[1].r.median) / (v[0].r.median + v[1].r.median);

	append_text(out, size, "Nobody divides: the VMs had %.1f and %.1f Mbit/s, which differ by %.1f %%",
		    v[0].r.median, v[1].r.median, differ);
	most = largest_difference(s, nothing);
	if (!isnan(most))
		append_text(out, size, ", in single tenths of a second by up to %.0f Mbit/s", most);
	append_text(out, size,
		    differ > UNEVEN_PCT ? ": uneven, as in the paper."
					: ": on average the unevenness of the paper's figure does not show.");
	return MARK_NONE;
}

enum mark figure_sentence(const struct book_scenario *s, const struct paper_figure *p,
			  const struct targets *t, char *out, size_t size)
{
	char held[900] = "", missed[900] = "";
	unsigned n_held, n_missed;

	out[0] = 0;
	if (!p->scheduled) {
		enum mark mark = unscheduled(s, p, out, size);

		if (!out[0])
			snprintf(out, size, "There is no unscheduled run in these data.");
		return mark;
	}
	n_held = list(p, s, t, true, held, sizeof(held));
	n_missed = list(p, s, t, false, missed, sizeof(missed));
	if (n_held)
		append_text(out, size, "Device scheduling reaches %s", held);
	if (n_missed)
		append_text(out, size, "%s misses %s", n_held ? "; it" : "Device scheduling", missed);
	if (!n_held && !n_missed)
		append_text(out, size, "Of device scheduling there is no figure to judge");
	if (p->gaps)
		gaps_part(s, p, out, size);
	else
		cpu_part(s, p, out, size);
	append_text(out, size, ".");
	return n_missed ? MARK_POOR : n_held ? MARK_GOOD : MARK_WEAK;
}
