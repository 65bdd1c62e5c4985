/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_plot.h"

#include "base/cleanup.h"
#include "book_series.h"
#include "book_svg.h"
#include "lab/record/report.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* So that a plot with four panels and four lines each stays below 60 kB; a dot takes 23 bytes, a point 16. */
#define LINE_POINTS 480 /* in all panels together, for each line */
#define DOTS 1150
#define GAP_WINDOW_MS 100
#define MARGIN_PX 62 /* left of the first panel: numbers and a label */
#define LABEL_PX 11 /* where that label stands */
#define BETWEEN_PX 22
#define HEIGHT_PX 300

struct panel {
	const char *under;
	struct series line;                 /* bandwidth */
	struct series gaps[SERIES_VMS_MAX];
};

struct figure {
	const struct book_scenario *s;
	struct panel panel[PLOT_PANELS_MAX];
	size_t n, n_vms;
	bool gaps, entitled; /* some panel has entitlements */
	double x_max, y_max, y_min;
};

static void panel_free(struct panel *p)
{
	series_free(&p->line);
	for (size_t k = 0; k < SERIES_VMS_MAX; k++)
		series_free(&p->gaps[k]);
}

static void figure_free(struct figure *f)
{
	for (size_t i = 0; i < PLOT_PANELS_MAX; i++)
		panel_free(&f->panel[i]);
}

static void widen(struct figure *f, const struct series *s)
{
	f->x_max = fmax(f->x_max, s->x_max);
	f->y_max = fmax(f->y_max, s->y_max);
	f->y_min = fmin(f->y_min, s->y_min);
}

static int read_panel(struct figure *f, struct panel *p)
{
	size_t dots = DOTS / (f->n_vms * (f->n ? f->n : 1));
	int r;

	if (!f->gaps) {
		r = series_bandwidth(f->s, p->under, LINE_POINTS / (f->n ? f->n : 1), &p->line);
		if (r == 0)
			widen(f, &p->line);
		return r;
	}
	for (size_t i = 0; i < f->n_vms; i++) {
		r = series_gaps(f->s, p->under, i, GAP_WINDOW_MS, dots, &p->gaps[i]);
		if (r < 0)
			return r;
		widen(f, &p->gaps[i]);
	}
	return 0;
}

/* --- the script ---------------------------------------------------------------------------------- */

static void data(const struct figure *f, FILE *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct panel *p = &f->panel[i];

		if (!f->gaps) {
			fprintf(out, "$p%zu << END\n", i);
			for (size_t k = 0; k < p->line.n; k++) {
				fprintf(out, "%.2f", p->line.p[k].x);
				for (size_t c = 0; c <= f->n_vms; c++)
					fprintf(out, " %.2f", p->line.p[k].y[c]);
				fputc('\n', out);
			}
			fprintf(out, "END\n");
			continue;
		}
		for (size_t vm = 0; vm < f->n_vms; vm++) {
			fprintf(out, "$p%zu_%zu << END\n", i, vm);
			/*
			 * a dot is a line of next to no length with round ends: points take four times the
			 * bytes
			 */
			for (size_t k = 0; k < p->gaps[vm].n; k++)
				fprintf(out, "%.3f %.4f\n%.3f %.4f\n\n", p->gaps[vm].p[k].x,
					p->gaps[vm].p[k].y[0], p->gaps[vm].p[k].x + 0.03,
					p->gaps[vm].p[k].y[0]);
			fprintf(out, "END\n");
		}
	}
}

/* What each VM is entitled to, phase by phase, and where shares change. */
static void entitlements(const struct figure *f, const struct panel *p, FILE *out)
{
	const json_t *phase;
	double start = (double)NAN;

	for (size_t i = 0; (phase = book_phase(f->s, p->under, NULL, i)); i++) {
		double at = book_number(phase, "at_s"), to;

		if (phase_skipped(phase) || phase_repetition(phase) != 1)
			continue;
		if (isnan(start))
			start = at;
		at -= start;
		to = at + book_number(phase, "seconds");
		if (at > 0)
			fprintf(out,
				"set arrow from %.2f,graph 0 to %.2f,graph 1 nohead back lc rgb '#888888' dt "
				"(5,4)\n",
				at, at);
		for (size_t vm = 0; vm < f->n_vms; vm++) {
			double v = book_number(json_array_get(json_object_get(phase, "vms"), vm),
					       "entitled_mbps");

			if (v > 0 && book_under_kind(f->s, p->under) != UNDER_NOTHING)
				fprintf(out,
					"set arrow from %.2f,%.3f to %.2f,%.3f nohead front lc rgb '#333333' "
					"lw 1 dt (2,4)\n",
					at, v, to, v);
		}
	}
}

static void lines(const struct figure *f, size_t i, FILE *out)
{
	fprintf(out, "plot $p%zu using 1:%zu with lines lw 1.2 lc rgb '#aaaaaa' notitle", i, f->n_vms + 2);
	for (size_t vm = 0; vm < f->n_vms; vm++)
		fprintf(out, ", '' using 1:%zu with lines lw 1.8 lc rgb '%s' notitle", vm + 2,
			plot_colour(vm));
	fputc('\n', out);
}

static void dots(const struct figure *f, size_t i, double paper_ms, FILE *out)
{
	fprintf(out, "plot ");
	/* later ones are smaller, so that the earlier are seen below them */
	for (size_t vm = 0; vm < f->n_vms; vm++)
		fprintf(out, "%s$p%zu_%zu using 1:2 with lines lw %.1f lc rgb '%s' notitle", vm ? ", " : "",
			i, vm, vm ? 2.0 : 3.0, plot_colour(vm));
	if (paper_ms > 0)
		fprintf(out, ", %.4f with lines lw 1 lc rgb '#333333' dt (2,4) notitle", paper_ms);
	fputc('\n', out);
}

/*
 * One entry of the key. gnuplot's own key breaks its line at the width of a panel; this one is for all of
 * them.
 */
static void key_entry(double *x, double width, const char *colour, double lw, bool dashed, const char *text,
		      FILE *out)
{
	const double y = 0.045, sample = 24;

	fprintf(out,
		"set arrow from screen %.4f,%.3f to screen %.4f,%.3f nohead front lc rgb '%s' lw %.1f%s\nset "
		"label ",
		*x / width, y, (*x + sample) / width, y, colour, lw, dashed ? " dt (2,4)" : "");
	plot_quoted(out, text);
	fprintf(out, " at screen %.4f,%.3f left noenhanced font ',12'\n", (*x + sample + 8) / width, y);
	*x += sample + 8 + 7.5 * (double)strlen(text) + 28;
}

static void key(const struct figure *f, double width, double paper_ms, FILE *out)
{
	double x = MARGIN_PX;

	for (size_t vm = 0; vm < f->n_vms; vm++)
		key_entry(&x, width, plot_colour(vm), f->gaps ? 3 : 2, false, book_vm_name(f->s, vm), out);
	if (!f->gaps)
		key_entry(&x, width, "#aaaaaa", 1.5, false, "sum", out);
	if (f->gaps ? paper_ms > 0 : f->entitled)
		key_entry(&x, width, "#333333", 1.2, true, f->gaps ? "the paper's mean" : "entitled", out);
}

static void panel(const struct figure *f, size_t i, double width, double paper_ms, FILE *out)
{
	double inner = (width - MARGIN_PX) / (double)f->n, left = MARGIN_PX + inner * (double)i;

	fprintf(out, "unset arrow\nset lmargin at screen %.4f\nset rmargin at screen %.4f\nset title ",
		left / width, (left + inner - BETWEEN_PX) / width);
	plot_quoted(out, f->panel[i].under);
	fprintf(out, " noenhanced font ',13' offset 0,-0.5\n");
	/* a ylabel beside wide numbers would fall off the canvas, and gnuplot leaves it out */
	if (i == 0)
		fprintf(out, "set label '%s' at screen %.4f,%.3f center rotate by 90\nset format y '%%g'\n",
			f->gaps ? "inter-packet delay (ms)" : "bandwidth (Mbit/s)", LABEL_PX / width,
			(0.25 + 0.88) / 2);
	else
		fprintf(out, "set format y ''\n");
	if (!f->gaps)
		entitlements(f, &f->panel[i], out);
	if (i == 0)
		key(f, width, paper_ms, out);
	else
		fprintf(out, "unset label\n");
	if (f->gaps)
		dots(f, i, paper_ms, out);
	else
		lines(f, i, out);
}

static void script(const struct figure *f, const char *name, double paper_ms, FILE *out)
{
	double width = f->n <= 1 ? 640 : f->n == 2 ? 900 : 1150;

	fprintf(out, "# gnuplot %s.gp\nset terminal svg size %.0f,%d fixed rounded name '%s' background rgb 'white' "
		     "font 'sans-serif,12'\nset output '%s.svg'\n", name, width, HEIGHT_PX, name, name);
	data(f, out);
	fprintf(out,
		"set multiplot\nunset key\nset tics scale 0.5\nset border 3 lc rgb '#666666'\nset xtics "
		"nomirror\nset ytics nomirror\n"
		"set grid ytics lc rgb '#e3e3e3' lt 1 lw 0.8\nset tmargin at screen 0.88\nset bmargin at screen "
		"0.25\n"
		"set xlabel 'time (%s)' offset 0,0.4\nset xrange [0:%g]\n",
		f->gaps ? "ms" : "s", f->gaps ? GAP_WINDOW_MS : ceil(f->x_max));
	if (f->gaps)
		fprintf(out, "set logscale y\nset yrange [%g:%g]\n",
			pow(10, floor(log10(fmax(f->y_min, 1e-3)))), fmax(1.3 * f->y_max, 1));
	else
		fprintf(out, "set yrange [0:%g]\n", fmax(1.08 * f->y_max, 1));
	for (size_t i = 0; i < f->n; i++)
		panel(f, i, width, paper_ms, out);
	fprintf(out, "unset multiplot\nunset key\n");
}

static int draw(const struct figure *f, double paper_ms, const char *dir, const char *name, struct errtext *e)
{
	char go[PATH_MAX], load[100], file[100];
	const char *const argv[] = { "gnuplot", "-e", go, "-e", load, NULL };
	FILE *out;
	int r;

	/* an old one would stand for this run's */
	snprintf(go, sizeof(go), "%.3900s/%.80s.svg", dir, name);
	unlink(go);
	snprintf(file, sizeof(file), "%.80s.gp", name);
	r = report_open(&out, dir, file, e);
	if (r < 0)
		return r;
	script(f, name, paper_ms, out);
	r = report_close(out, dir, file, e);
	if (r < 0)
		return r;
	snprintf(go, sizeof(go), "cd '%.4000s'", dir);
	snprintf(load, sizeof(load), "load '%.80s'", file);
	r = proc_runv(NULL, argv, NULL, NULL, e);
	snprintf(go, sizeof(go), "%.3900s/%.80s.svg", dir, name);
	return r < 0 ? r : svg_slim(go, e);
}

int book_plot(const struct book_scenario *s, const char *const *unders, size_t n_unders, bool gaps,
	      double paper_ms, const char *dir, const char *name, struct errtext *e)
{
	_cleanup_(figure_free) struct figure f = {
		.s = s, .gaps = gaps, .n_vms = book_n_vms(s), .y_min = INFINITY
	};
	size_t n = 0;

	if (f.n_vms == 0 || f.n_vms > SERIES_VMS_MAX)
		return -ENODATA;
	f.n = n_unders < PLOT_PANELS_MAX ? n_unders : PLOT_PANELS_MAX;
	for (size_t i = 0; i < n_unders && n < PLOT_PANELS_MAX; i++) {
		int r;

		f.panel[n].under = unders[i];
		r = read_panel(&f, &f.panel[n]);
		if (r == -ENOMEM)
			return errtext_set(e, r, "out of memory");
		if (r < 0) {
			panel_free(&f.panel[n]);
			continue;
		}
		f.entitled |= book_under_kind(s, unders[i]) != UNDER_NOTHING;
		n++;
	}
	f.n = n;
	return n ? draw(&f, paper_ms, dir, name, e) : -ENODATA;
}
