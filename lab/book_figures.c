/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The paper's figures: a plot, a table beside the paper's values, a sentence. */

#include "book_measure.h"
#include "book_parts.h"
#include "book_plot.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

/* --- which data show which figure ---------------------------------------------------------------- */

/* "fig12", and "fig12-60-40" or "fig12a" too; "fig05" is not "fig0". */
static bool belongs(const char *name, const char *id)
{
	size_t n = strlen(id);

	return strncmp(name, id, n) == 0 && !isdigit((unsigned char)name[n]);
}

static const struct book_scenario *named(const struct book *b, const char *id, size_t i)
{
	for (size_t k = 0; k < b->n_scenarios; k++)
		if (b->scenarios[k].summary && belongs(b->scenarios[k].name, id) && i-- == 0)
			return &b->scenarios[k];
	return NULL;
}

const struct book_scenario *figure_scenario(const struct book *b, const struct paper_figure *p, size_t i)
{
	if (p->also && !named(b, p->scenario, 0))
		return named(b, p->also, i);
	return named(b, p->scenario, i);
}

const char *figure_plot_name(const struct paper_figure *p, size_t i)
{
	static char name[32];

	if (i == 0)
		snprintf(name, sizeof(name), "%s", p->id);
	else
		snprintf(name, sizeof(name), "%s-%zu", p->id, i + 1);
	return name;
}

size_t figure_unders(const struct book_scenario *s, const struct paper_figure *p,
		     const char *out[UNDER_KINDS])
{
	static const enum under_kind order[] = { UNDER_NOTHING, UNDER_CPU, UNDER_CPU_BEST, UNDER_DEVICE };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *under = book_under_of(s, order[i]);

		if (under && (order[i] == UNDER_NOTHING ? p->unscheduled : p->scheduled))
			out[n++] = under;
	}
	return n;
}

static double mean_of_two(const double v[PAPER_VMS_MAX])
{
	return v[1] > 0 ? (v[0] + v[1]) / 2 : v[0];
}

int figures_draw(const struct book *b, const char *dir, struct errtext *e)
{
	int first = 0;

	for (size_t k = 0; k < paper_n_figures; k++) {
		const struct paper_figure *p = &paper_figures[k];
		const struct book_scenario *s;

		for (size_t i = 0; (s = figure_scenario(b, p, i)); i++) {
			const char *unders[UNDER_KINDS];
			size_t n = figure_unders(s, p, unders);
			int r = book_plot(s, unders, n, p->gaps, mean_of_two(p->ipd_mean_ms), dir,
					  figure_plot_name(p, i), first ? NULL : e);

			if (r < 0 && r != -ENODATA && first == 0)
				first = r;
		}
	}
	return first;
}

/* --- the table ----------------------------------------------------------------------------------- */

enum paper_value { PAPER_NONE, PAPER_MBPS, PAPER_ERROR, PAPER_UTILISATION, PAPER_MEAN, PAPER_SD, PAPER_CV };

static const struct row {
	const char *label;
	const char *path; /* of a VM; NULL: of the phase, or a measure of its own */
	double factor;
	int digits;
	bool each;        /* a row for each VM; else the worst of them */
	bool gaps_each;   /* a row for each VM where the figure is about gaps */
	bool brief;       /* also in the tables of a figure with several steps */
	enum paper_value paper;
} rows[] = {
	{ "bandwidth, Mbit/s", "mbps", 1, 2, true, false, true, PAPER_MBPS },
	{ "share error, points", "error_pp", 1, 3, true, false, true, PAPER_ERROR },
	{ "inter-packet delay, ms: mean", "ipd_ms.mean", 1, 3, false, true, false, PAPER_MEAN },
	{ "inter-packet delay, ms: sd", "ipd_ms.sd", 1, 4, false, true, false, PAPER_SD },
	{ "inter-packet delay: sd / mean", "ipd_ms.sd_by_mean", 1, 2, false, true, true, PAPER_CV },
	{ "inter-packet delay, ms: p50", "ipd_ms.p50", 1, 3, false, true, false, PAPER_NONE },
	{ "inter-packet delay, ms: p99", "ipd_ms.p99", 1, 3, false, true, true, PAPER_NONE },
	{ "inter-packet delay, ms: p99.9", "ipd_ms.p999", 1, 3, false, true, false, PAPER_NONE },
	{ "inside slots, ms: mean", "ipd_inside_slots_ms.mean", 1, 3, false, true, false, PAPER_MEAN },
	{ "inside slots, ms: sd", "ipd_inside_slots_ms.sd", 1, 4, false, true, false, PAPER_SD },
	{ "inside slots: sd / mean", "ipd_inside_slots_ms.sd_by_mean", 1, 2, false, true, false, PAPER_CV },
	{ "inside slots, ms: p50", "ipd_inside_slots_ms.p50", 1, 3, false, true, false, PAPER_NONE },
	{ "inside slots, ms: p99", "ipd_inside_slots_ms.p99", 1, 3, false, true, false, PAPER_NONE },
	{ "inside slots, ms: p99.9", "ipd_inside_slots_ms.p999", 1, 3, false, true, false, PAPER_NONE },
	{ "gaps that the slots leave out, %", "ipd_inside_slots_ms.left_out", 100, 1, false, true, false,
	  PAPER_NONE },
	{ "datagrams lost, %", "loss_pct", 1, 2, false, false, true, PAPER_NONE },
	{ "VMM's CPU, cores", "cpu_cores", 1, 2, true, false, true, PAPER_NONE },
	{ "CPU share error, points", "cpu.error_pp", 1, 2, false, false, true, PAPER_NONE },
};

struct of_vms {
	const char *path;
	size_t vm;
	bool worst;
};

/* Of a VM, or the largest of all without its sign. */
static double vm_value(const json_t *phase, const void *data)
{
	const struct of_vms *w = data;
	double worst = (double)NAN;
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(phase, "vms"), i, vm) {
		double v = book_number(vm, w->path);

		if (!w->worst && i == w->vm)
			return v;
		worst = fmax(worst, fabs(v));
	}
	return w->worst ? worst : (double)NAN;
}

static double worst_of(const double v[PAPER_VMS_MAX])
{
	return fmax(v[0], fmax(v[1], v[2]));
}

static double paper_value(const struct paper_figure *p, enum paper_value what, size_t vm, bool worst)
{
	double v = (double)NAN;

	switch (what) {
	case PAPER_MBPS:
		v = p->mbps[vm];
		break;
	case PAPER_ERROR:
		v = paper_error_pp(p, vm);
		return worst ? fabs(v) : v;
	case PAPER_MEAN:
		v = worst ? worst_of(p->ipd_mean_ms) : p->ipd_mean_ms[vm];
		break;
	case PAPER_SD:
		v = worst ? worst_of(p->ipd_sd_ms) : p->ipd_sd_ms[vm];
		break;
	case PAPER_CV:
		return worst ? fmax(paper_ipd_cv(p, 0), paper_ipd_cv(p, 1)) : paper_ipd_cv(p, vm);
	default:
		break;
	}
	return v != 0 ? v : (double)NAN;
}

struct table {
	const struct book_scenario *s;
	const struct paper_figure *p;
	const char *step;
	const char *under[UNDER_KINDS]; /* columns after the paper's */
	size_t n;
};

static void number_cell(struct doc *d, double v, int digits)
{
	if (isnan(v))
		doc_cell(d, MARK_NONE, "-");
	else
		doc_cell(d, MARK_NONE, "%.*f", digits, v);
}

/* A row without any figure of ours is left out. */
static void table_row(struct doc *d, const struct table *t, const struct row *row, size_t vm, bool each)
{
	const struct of_vms wanted = { row->path, vm, !each };
	struct spread v[UNDER_KINDS];
	bool any = false;
	char text[100];

	for (size_t i = 0; i < t->n; i++) {
		v[i] = spread_scaled(book_spread(t->s, t->under[i], t->step, vm_value, &wanted), row->factor);
		any |= v[i].n > 0;
	}
	if (!any)
		return;
	doc_row_begin(d);
	if (each)
		doc_cell(d, MARK_HEAD, "%s: %s", book_vm_name(t->s, vm), row->label);
	else
		doc_cell(d, MARK_HEAD, "%s%s", row->label, book_n_vms(t->s) > 1 ? " (worst VM)" : "");
	number_cell(d, paper_value(t->p, row->paper, vm < PAPER_VMS_MAX ? vm : 0, !each), row->digits);
	for (size_t i = 0; i < t->n; i++)
		doc_cell(d, MARK_NONE, "%s", spread_text(v[i], row->digits, text, sizeof(text)));
	doc_row_end(d);
}

static void measure_row(struct doc *d, const struct table *t, const char *label, enum measure m, double paper)
{
	char text[100];
	bool any = false;

	for (size_t i = 0; i < t->n; i++)
		any |= measure_text(t->s, t->under[i], t->step, m, text, sizeof(text))[0] != '-';
	if (!any)
		return;
	doc_row_begin(d);
	doc_cell(d, MARK_HEAD, "%s", label);
	number_cell(d, paper, 1);
	for (size_t i = 0; i < t->n; i++)
		doc_cell(d, MARK_NONE, "%s",
			 measure_text(t->s, t->under[i], t->step, m, text, sizeof(text)));
	doc_row_end(d);
}

static void table(struct doc *d, const struct table *t)
{
	const char *heads[UNDER_KINDS + 3] = { "", "the paper" };

	for (size_t i = 0; i < t->n; i++)
		heads[2 + i] = t->under[i];
	doc_table_begin(d, heads);
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		bool each = rows[r].each || (rows[r].gaps_each && t->p->gaps);

		if (t->s->n_steps > 1 && !rows[r].brief)
			continue;
		for (size_t vm = 0; vm < (each ? book_n_vms(t->s) : 1); vm++)
			table_row(d, t, &rows[r], vm, each);
		if (r == 1) /* after what was delivered */
			measure_row(d, t, "utilisation of the wire, %", MEASURE_UTILISATION,
				    paper_utilisation_pct(t->p));
	}
	measure_row(d, t, "settled after the change, ms", MEASURE_SETTLED, (double)NAN);
	doc_table_end(d);
}

/*
 * Columns in the order of the issue: the paper / CPU slots / the best policy / device scheduling /
 * unscheduled.
 */
static size_t columns(const struct book_scenario *s, const struct paper_figure *p,
		      const char *out[UNDER_KINDS])
{
	static const enum under_kind order[] = { UNDER_CPU, UNDER_CPU_BEST, UNDER_DEVICE, UNDER_NOTHING };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *under = book_under_of(s, order[i]);

		/*
		 * unscheduled stands beside the scheduled ones always; a figure of unscheduled VMs is only
		 * that
		 */
		if (under && (order[i] == UNDER_NOTHING || p->scheduled))
			out[n++] = under;
	}
	return n;
}

/* --- a figure ------------------------------------------------------------------------------------ */

static bool step_sends(const struct book_scenario *s, const char *step)
{
	for (size_t i = 0; i < s->n_under; i++) {
		const json_t *phase = book_phase(s, s->under[i], step, 0);

		if (phase && !phase_idle(phase))
			return true;
	}
	return false;
}

static void one(struct doc *d, const struct book_scenario *s, const struct paper_figure *p, size_t i,
		const struct targets *targets)
{
	struct table t = { .s = s, .p = p };
	char sentence[1500] = "", carries[60] = "";
	double wire = book_number(s->summary, "wire_mbps");
	enum mark mark;

	t.n = columns(s, p, t.under);
	if (wire > 0)
		snprintf(carries, sizeof(carries), ", which carries %.4g Mbit/s", wire);
	doc_plot(d, figure_plot_name(p, i), "%s: %s%s, over time; %s, first repetition.",
		 s->title ?: p->title,
		 p->gaps ? "time between consecutive frames of a VM at the wire" :
			   "what each VM delivered to the wire",
		 carries, s->name);
	mark = figure_sentence(s, p, targets, sentence, sizeof(sentence));
	doc_verdict(d, mark, "%s", sentence);
	book_scenario_doubts(d, s);
	for (size_t k = 0; k < s->n_steps; k++) {
		if (!step_sends(s, s->step[k]))
			continue;
		if (s->n_steps > 1)
			doc_para(d, "Step \"%s\":", s->step[k]);
		t.step = s->step[k];
		table(d, &t);
	}
}

void book_figures(struct doc *d, const struct book *b, const struct targets *targets)
{
	doc_heading(d, 2, "figures", "The paper's figures");
	doc_para(d,
		 "Each plot redraws the figure from our run, a panel for each way of dividing, all with the "
		 "same axes. Tables give the median of the repetitions and [smallest..largest]. The paper's "
		 "share error and utilisation follow from the bandwidths that it reports, on its wire of "
		 "100 Mbit/s. Utilisation is of the wire.");
	for (size_t k = 0; k < paper_n_figures; k++) {
		const struct paper_figure *p = &paper_figures[k];
		const struct book_scenario *s = figure_scenario(b, p, 0);

		doc_heading(d, 3, p->id, "Figure %s: %s", p->number, p->title);
		if (!s)
			doc_verdict(d, MARK_WEAK, "Not measured in this run: %s has no result.", p->scenario);
		for (size_t i = 0; s; s = figure_scenario(b, p, ++i))
			one(d, s, p, i, targets);
	}
}
