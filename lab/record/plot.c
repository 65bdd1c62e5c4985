/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bandwidth over time with the changes marked, drawn by gnuplot from bandwidth.csv. The script stays beside
 * it.
 */

#include "report.h"

#include <limits.h>
#include <string.h>

/* Colours that stay apart for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008). */
static const char *const colours[] = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9" };

const char *plot_colour(size_t i)
{
	return colours[i % (sizeof(colours) / sizeof(colours[0]))];
}

/* For gnuplot's single quotes. */
void plot_quoted(FILE *f, const char *s)
{
	fputc('\'', f);
	for (; *s; s++) {
		if (*s == '\'')
			fputc('\'', f);
		fputc(*s, f);
	}
	fputc('\'', f);
}

static double at_s(const struct result *r, uint64_t ns)
{
	return (double)(ns - r->start_ns) / 1e9;
}

/* A line where each phase begins, its name above it, and the entitlements as short dashes. */
static void marks(const struct result *r, double top, FILE *f)
{
	for (size_t k = 0; k < r->n_phases; k++) {
		const struct phase_result *p = &r->phases[k];
		double from = at_s(r, p->window.from_ns), to = at_s(r, p->window.to_ns);

		if (p->skipped[0])
			continue;
		if (k > 0)
			fprintf(f, "set arrow from %.3f,0 to %.3f,%g nohead back lc rgb '#444444' lw 1.2 dt (6,4)\n", from,
				from, top);
		fprintf(f, "set label ");
		plot_quoted(f, p->phase->name);
		fprintf(f, " at %.3f,%g center font ',%d' tc rgb '#222222' noenhanced\n", (from + to) / 2,
			top * 0.965, r->n_phases > 6 ? 10 : 12);
		if (p->phase->scheduler == SCHEDULER_NONE)
			continue;
		for (size_t i = 0; i < r->scenario->n_vms; i++)
			if (p->vm[i].entitled_mbps > 0 && !scenario_unlimited(r->scenario))
				fprintf(f, "set arrow from %.3f,%g to %.3f,%g nohead front lc rgb '%s' lw 1 dt (2,3)\n", from,
					p->vm[i].entitled_mbps, to, p->vm[i].entitled_mbps, plot_colour(i));
	}
}

/* Mbit/s: the wire, or the most that a phase had on one without a limit. */
static double highest(const struct result *r)
{
	double top = scenario_unlimited(r->scenario) ? 1 : (double)r->scenario->wire.bytes_ps * 8e-6;

	for (size_t k = 0; scenario_unlimited(r->scenario) && k < r->n_phases; k++)
		if (r->phases[k].total_mbps > top)
			top = r->phases[k].total_mbps;
	return top;
}

static void script(const struct result *r, FILE *f)
{
	const struct scenario *s = r->scenario;
	double end = r->n_phases ? at_s(r, r->phases[r->n_phases - 1].window.to_ns) : 1;
	double top = highest(r) * 1.18;

	fprintf(f, "# gnuplot bandwidth.gp\nset datafile separator ','\n");
	fprintf(f, "set title ");
	plot_quoted(f, s->title);
	fprintf(f, " noenhanced font ',14'\n");
	fprintf(f, "set xlabel 'time (s)'\nset ylabel 'delivered at the wire (Mbit/s)'\n"
		   "set xrange [0:%.2f]\nset yrange [0:%g]\nset ytics nomirror\nset xtics nomirror\nset border 3\n"
		   "set grid ytics lc rgb '#dddddd' lt 1 lw 0.8\nset bmargin 5.5\n"
		   "set key outside bottom center horizontal noenhanced samplen 2 width 2\n"
		   "set style line 100 lc rgb '#999999' lw 1.2\n",
		end, top);
	marks(r, top, f);
	fprintf(f, "plot 'bandwidth.csv' using 1:%zu with lines ls 100 title 'sum'", s->n_vms + 3);
	for (size_t i = 0; i < s->n_vms; i++) {
		fprintf(f, ", \\\n     '' using 1:%zu with lines lw 2.2 lc rgb '%s' title ", i + 3,
			plot_colour(i));
		plot_quoted(f, s->vms[i].name);
	}
	fprintf(f, ", \\\n     NaN with lines lc rgb '#666666' dt (2,3) lw 1.5 title 'entitled'\n");
}

int plot_draw(const char *dir, const char *name, struct errtext *e)
{
	static const char *const terminals[][2] = {
		{ "set terminal svg size 1100,560 dynamic background rgb 'white' font 'sans,12'", "svg" },
		{ "set terminal pngcairo size 1100,560 font 'sans,12'", "png" },
	};
	char go[PATH_MAX], output[300], load[100];
	int err = 0;

	snprintf(go, sizeof(go), "cd '%.4000s'", dir);
	snprintf(load, sizeof(load), "load '%.60s.gp'", name);
	for (size_t i = 0; err == 0 && i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		const char *const argv[] = { "gnuplot", "-e", go, "-e", output, "-e", load, NULL };

		snprintf(output, sizeof(output), "%s; set output '%.60s.%s'", terminals[i][0], name,
			 terminals[i][1]);
		err = proc_runv(NULL, argv, NULL, NULL, e);
	}
	return err;
}

int plot_write(const struct result *r, const char *dir, struct errtext *e)
{
	FILE *f;
	int err = report_open(&f, dir, "bandwidth.gp", e);

	if (err < 0)
		return err;
	script(r, f);
	err = report_close(f, dir, "bandwidth.gp", e);
	if (err == 0)
		err = plot_draw(dir, "bandwidth", e);
	return err < 0 ? err : plot_slots_write(r, dir, e);
}
