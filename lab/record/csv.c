/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "report.h"

#include <math.h>

#define BIN_NS (100 * NSEC_PER_MSEC)
#define GAPS_MAX 5000 /* lines for each VM and phase; statistics are of all, in summary.json */

/* Which phase a moment belongs to; between two, the one before. */
static const char *phase_at(const struct result *r, uint64_t ns)
{
	const char *name = "";

	for (size_t k = 0; k < r->n_phases && r->phases[k].asked_ns <= ns; k++)
		name = r->phases[k].phase->name;
	return name;
}

/* Names are the scenario's own; a quote in one is doubled. */
static void quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"')
			fputc('"', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void bandwidth(const struct result *r, FILE *f)
{
	const struct scenario *s = r->scenario;
	uint64_t end = r->n_phases ? r->phases[r->n_phases - 1].window.to_ns : 0;

	fprintf(f, "t_s,phase");
	for (size_t i = 0; i < s->n_vms; i++)
		fprintf(f, ",%s_mbps", s->vms[i].name);
	fprintf(f, ",total_mbps\n");
	for (uint64_t at = r->start_ns; at + BIN_NS <= end; at += BIN_NS) {
		struct window w = { at, at + BIN_NS };
		double total = 0;

		fprintf(f, "%.2f,", (double)(at - r->start_ns + BIN_NS / 2) / 1e9);
		quoted(f, phase_at(r, at));
		for (size_t i = 0; i < s->n_vms; i++) {
			double mbps = measure_mbps(measure_bytes(measure_slice(r->trace[i], w)), w);

			fprintf(f, ",%.3f", mbps);
			total += mbps;
		}
		fprintf(f, ",%.3f\n", total);
	}
}

static void value(FILE *f, double v)
{
	if (isnan(v))
		fputc(',', f);
	else
		fprintf(f, ",%.6g", v);
}

static void phases(const struct result *r, FILE *f)
{
	const struct scenario *s = r->scenario;

	fprintf(f,
		"phase,repetition,scheduler,at_s,seconds,vm,share,mbps,share_pct,error_pp,loss_pct,cpu_cores,"
		"cpu_per_mbit,rtt_p50_ms,rtt_p99_ms,total_mbps,utilisation,jain,queue_drops,settled_ms,"
		"entitled_mbps\n");
	for (size_t k = 0; k < r->n_phases; k++)
		for (size_t i = 0; !r->phases[k].skipped[0] && i < s->n_vms; i++) {
			const struct phase_result *p = &r->phases[k];
			const struct vm_result *v = &p->vm[i];
			const double row[] = { v->mbps,        v->share_pct,  v->error_pp,
					       v->loss_pct,    v->cpu_cores,  v->cpu_per_mbit,
					       v->rtt_p50_ms,  v->rtt_p99_ms, p->total_mbps,
					       p->utilisation, p->jain,       (double)p->queue_drops,
					       p->settled_ms,  v->entitled_mbps };

			quoted(f, p->phase->name);
			fprintf(f, ",%u,%s,%.3f,%u,%s,", p->repetition, scheduler_name(p->phase->scheduler),
				(double)(p->window.from_ns - r->start_ns) / 1e9, p->phase->seconds,
				s->vms[i].name);
			if (p->phase->has_shares)
				fprintf(f, "%u", p->phase->shares[i].weight);
			for (size_t c = 0; c < sizeof(row) / sizeof(row[0]); c++)
				value(f, row[c]);
			fputc('\n', f);
		}
}

/*
 * The first gaps of the steady part, for plots of inter-packet delay over time as the paper's figures 7 and
 * 8.
 */
static void gaps(const struct result *r, FILE *f)
{
	const struct scenario *s = r->scenario;

	fprintf(f, "phase_number,repetition,vm,t_s,gap_ms,bytes\n");
	for (size_t k = 0; k < r->n_phases; k++)
		for (size_t i = 0; i < s->n_vms; i++) {
			const struct phase_result *p = &r->phases[k];
			struct trace t = r->scenario->vms[i].receives ? (struct trace){} :
						       measure_slice(r->trace[i], p->steady);

			for (size_t j = 1; j < t.n && j <= GAPS_MAX; j++)
				fprintf(f, "%zu,%u,%s,%.6f,%.6f,%u\n", k + 1, p->repetition, s->vms[i].name,
					(double)(t.s[j].ns - r->start_ns) / 1e9,
					(double)(t.s[j].ns - t.s[j - 1].ns) / 1e6, t.s[j].bytes);
		}
}

static void rtt(const struct result *r, FILE *f)
{
	fprintf(f, "t_s,phase,vm,rtt_ms\n");
	for (size_t i = 0; i < r->scenario->n_vms; i++)
		for (size_t j = 0; j < r->heard[i].n_rtts; j++) {
			const struct traffic_rtt *v = &r->heard[i].rtts[j];

			if (v->at_ns < r->start_ns)
				continue;
			fprintf(f, "%.3f,", (double)(v->at_ns - r->start_ns) / 1e9);
			quoted(f, phase_at(r, v->at_ns));
			fprintf(f, ",%s,%.4f\n", r->scenario->vms[i].name, (double)v->rtt_ns / 1e6);
		}
}

/* What the receivers reported about missing datagrams. */
static void loss(const struct result *r, FILE *f)
{
	fprintf(f, "t_s,phase,vm,span_s,lost,total\n");
	for (size_t i = 0; i < r->scenario->n_vms; i++)
		for (size_t j = 0; j < r->heard[i].n_intervals; j++) {
			const struct traffic_interval *v = &r->heard[i].intervals[j];

			fprintf(f, "%.3f,", ((double)v->at_ns - (double)r->start_ns) / 1e9);
			quoted(f, phase_at(r, v->at_ns));
			fprintf(f, ",%s,%.3f,%lu,%lu\n", r->scenario->vms[i].name, (double)v->span_ns / 1e9,
				v->lost, v->total);
		}
}

static const struct {
	const char *name;
	void (*write)(const struct result *r, FILE *f);
} files[] = {
	{ "bandwidth.csv", bandwidth },
	{ "phases.csv", phases },
	{ "gaps.csv", gaps },
	{ "rtt.csv", rtt },
	{ "loss.csv", loss },
};

int csv_write(const struct result *r, const char *dir, struct errtext *e)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *f;
		int err = report_open(&f, dir, files[i].name, e);

		if (err < 0)
			return err;
		files[i].write(r, f);
		err = report_close(f, dir, files[i].name, e);
		if (err < 0)
			return err;
	}
	return 0;
}
