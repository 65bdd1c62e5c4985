/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Slots over time, and below each the frames that arrived at the wire's meter; all turns in slots.csv. */

#include "report.h"

#include <stdlib.h>

#define SHOWN_NS (300 * NSEC_PER_MSEC)

/* Rows of dots, so that frames of one moment stay apart. */
#define DOT_ROWS 5

static const struct phase_result *shown_phase(const struct result *r)
{
	for (size_t k = 0; k < r->n_phases; k++)
		if (r->phases[k].phase->scheduler == SCHEDULER_CPU && r->phases[k].slots_of)
			return &r->phases[k];
	return NULL;
}

static struct window shown_window(const struct phase_result *p)
{
	uint64_t from = p->steady.from_ns + (p->steady.to_ns - p->steady.from_ns) / 2;
	struct window w = { from, from + SHOWN_NS };

	if (w.to_ns > p->steady.to_ns)
		w = p->steady;
	return w;
}

static void turns(const struct result *r, FILE *f)
{
	fprintf(f, "phase_number,repetition,vm,start_s,end_s\n");
	for (size_t k = 0; k < r->n_phases; k++) {
		const struct phase_result *p = &r->phases[k];

		/* The grid of an unscheduled phase is a copy of another's. */
		for (size_t i = 0; p->phase->scheduler == SCHEDULER_CPU && i < r->scenario->n_vms; i++)
			for (size_t t = 0; t < p->slots.n[i]; t++)
				fprintf(f, "%zu,%u,%s,%.6f,%.6f\n", k + 1, p->repetition,
					r->scenario->vms[i].name,
					(double)(p->slots.turn[i][t].from_ns - r->start_ns) / 1e9,
					(double)(p->slots.turn[i][t].to_ns - r->start_ns) / 1e9);
	}
}

static double ms_in(struct window w, uint64_t ns)
{
	return ((double)ns - (double)w.from_ns) / 1e6;
}

static void bars(const struct result *r, const struct phase_result *p, struct window w, FILE *f)
{
	for (size_t i = 0; i < r->scenario->n_vms; i++)
		for (size_t t = 0; t < p->slots.n[i]; t++) {
			struct window turn = p->slots.turn[i][t];

			if (turn.to_ns <= w.from_ns || turn.from_ns >= w.to_ns)
				continue;
			fprintf(f, "set object rect from %.3f,%.2f to %.3f,%.2f",
				turn.from_ns < w.from_ns ? 0 : ms_in(w, turn.from_ns), (double)i - 0.02,
				ms_in(w, turn.to_ns > w.to_ns ? w.to_ns : turn.to_ns), (double)i + 0.32);
			fprintf(f, " back fc rgb '%s' fs solid 0.85 noborder\n", plot_colour(i));
		}
}

static void script(const struct result *r, const struct phase_result *p, struct window w, FILE *f)
{
	size_t n = r->scenario->n_vms;

	fprintf(f, "# gnuplot slots.gp\nset title ");
	plot_quoted(f, r->scenario->title);
	fprintf(f, " noenhanced font ',14'\nset xlabel 'time (ms), phase ");
	for (const char *c = p->phase->name; *c; c++)
		fputc(*c == '\'' ? ' ' : *c, f);
	fprintf(f, "; bars: slots, dots: frames at the wire' noenhanced\n"
		   "set xrange [0:%.1f]\nset yrange [-0.45:%.2f]\n"
		   "set border 1\nset xtics nomirror\nset ytics nomirror scale 0 (",
		ms_in(w, w.to_ns), (double)n - 0.55);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%s", i ? ", " : "");
		plot_quoted(f, r->scenario->vms[i].name);
		fprintf(f, " %zu", i);
	}
	fprintf(f, ") noenhanced\nunset key\n");
	bars(r, p, w, f);
	fprintf(f, "$frames << END\n");
	for (size_t i = 0; i < n; i++) {
		struct trace t = measure_slice(r->trace[i], w);

		for (size_t k = 0; k < t.n; k++)
			fprintf(f, "%.4f %.3f %zu\n", ms_in(w, t.s[k].ns),
				(double)i - 0.1 - 0.04 * (double)(k % DOT_ROWS), i);
		/* A VM without a frame must not leave the data empty. */
		fprintf(f, "-1 %zu %zu\n", i, i);
	}
	fprintf(f, "END\nplot ");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s$frames using ($3==%zu?$1:NaN):2 with points pt 7 ps 0.2 lc rgb '%s'",
			i ? ", " : "", i, plot_colour(i));
	fprintf(f, "\n");
}

int plot_slots_write(const struct result *r, const char *dir, struct errtext *e)
{
	const struct phase_result *p = shown_phase(r);
	FILE *f;
	int err;

	if (!p)
		return 0;
	err = report_open(&f, dir, "slots.csv", e);
	if (err < 0)
		return err;
	turns(r, f);
	err = report_close(f, dir, "slots.csv", e);
	if (err == 0)
		err = report_open(&f, dir, "slots.gp", e);
	if (err < 0)
		return err;
	script(r, p, shown_window(p), f);
	err = report_close(f, dir, "slots.gp", e);
	return err < 0 ? err : plot_draw(dir, "slots", e);
}
