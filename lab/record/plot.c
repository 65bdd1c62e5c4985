/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Plots of a run, drawn by gnuplot from its CSVs: bandwidth.gp and slots.gp, beside this file, have how. Slots
 * over time are shown for a moment of one phase, with the frames that arrived meanwhile.
 */

#include "report.h"

#include "lab/proc/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_NS (300 * NSEC_PER_MSEC)

/* For gnuplot's single quotes. */
static void set_text(FILE *f, const char *name, const char *text)
{
	fprintf(f, "%s = '", name);
	for (; *text; text++)
		fprintf(f, *text == '\'' ? "''" : "%c", *text);
	fprintf(f, "'; ");
}

/* variables: assignments that the script needs besides these. */
static int draw(const struct result *r, const char *name, const char *variables, const char *dir, struct errtext *e)
{
	char script[PATH_MAX], go[PATH_MAX], *text = NULL;
	const char *argv[] = { "gnuplot", "-e", go, "-e", NULL, "-e", variables, script, NULL };
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int err;

	if (!f)
		return errtext_set(e, -ENOMEM, "out of memory");
	set_text(f, "name", name);
	set_text(f, "title", r->scenario->title);
	fprintf(f, "vms = '");
	for (size_t i = 0; i < r->scenario->n_vms; i++)
		fprintf(f, "%s ", r->scenario->vms[i].name);
	fprintf(f, "'");
	fclose(f);
	argv[4] = text;
	snprintf(go, sizeof(go), "cd '%.4000s'", dir);
	snprintf(script, sizeof(script), "%.3900s/%s.gp", program_plots(), name);
	err = proc_runv(NULL, argv, NULL, NULL, e);
	free(text);
	return err;
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

/* The grid of an unscheduled phase is a copy of another's. */
static void turns(const struct result *r, FILE *f)
{
	fprintf(f, "phase_number,repetition,vm,start_s,end_s\n");
	for (size_t k = 0; k < r->n_phases; k++) {
		const struct phase_result *p = &r->phases[k];

		for (size_t i = 0; p->phase->scheduler == SCHEDULER_CPU && i < r->scenario->n_vms; i++)
			for (size_t t = 0; t < p->slots.n[i]; t++)
				fprintf(f, "%zu,%u,%s,%.6f,%.6f\n", k + 1, p->repetition,
					r->scenario->vms[i].name,
					(double)(p->slots.turn[i][t].from_ns - r->start_ns) / 1e9,
					(double)(p->slots.turn[i][t].to_ns - r->start_ns) / 1e9);
	}
}

static void frames(const struct result *r, struct window w, FILE *f)
{
	fprintf(f, "vm,t_s\n");
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		struct trace t = measure_slice(r->trace[i], w);

		for (size_t k = 0; k < t.n; k++)
			fprintf(f, "%s,%.6f\n", r->scenario->vms[i].name, (double)(t.s[k].ns - r->start_ns) / 1e9);
	}
}

static int draw_slots(const struct result *r, const struct phase_result *p, const char *dir, struct errtext *e)
{
	struct window w = shown_window(p);
	char *text = NULL;
	size_t size;
	FILE *f;
	int err = report_open(&f, dir, "slots.csv", e);

	if (err < 0)
		return err;
	turns(r, f);
	err = report_close(f, dir, "slots.csv", e);
	if (err == 0)
		err = report_open(&f, dir, "frames.csv", e);
	if (err < 0)
		return err;
	frames(r, w, f);
	err = report_close(f, dir, "frames.csv", e);
	if (err < 0)
		return err;
	f = open_memstream(&text, &size);
	if (!f)
		return errtext_set(e, -ENOMEM, "out of memory");
	set_text(f, "phase", p->phase->name);
	fprintf(f, "number = %zu; from = %.6f; to = %.6f", (size_t)(p - r->phases) + 1,
		(double)(w.from_ns - r->start_ns) / 1e9, (double)(w.to_ns - r->start_ns) / 1e9);
	fclose(f);
	err = draw(r, "slots", text, dir, e);
	free(text);
	return err;
}

int plot_write(const struct result *r, const char *dir, struct errtext *e)
{
	const struct phase_result *p = shown_phase(r);
	char variables[60];
	int err;

	snprintf(variables, sizeof(variables), "top = %g; unlimited = %d", highest(r), scenario_unlimited(r->scenario));
	err = draw(r, "bandwidth", variables, dir, e);
	return err < 0 || !p ? err : draw_slots(r, p, dir, e);
}
