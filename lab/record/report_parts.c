/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "report_parts.h"

#include "lab/measure/range.h"
#include "lab/scenario/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *summary_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* --- lanes ----------------------------------------------------------------------------------------- */

#define PAIRS_MAX 64

/* A phase in one lane and the next one in two, or the other way round, the policy the same. */
struct pair {
	const struct phase_result *one, *two;
	double ratio;
};

static unsigned lanes_of(const struct phase_result *p)
{
	char text[16];

	if (p->phase->scheduler != SCHEDULER_CPU || p->phase->idle)
		return 0;
	return schedule_value(p->phase->schedule, "lanes", text, sizeof(text)) ? (unsigned)atoi(text) : 1;
}

static bool same(const struct phase_result *a, const struct phase_result *b, const char *key)
{
	char x[60] = "", y[60] = "";

	schedule_value(a->phase->schedule, key, x, sizeof(x));
	schedule_value(b->phase->schedule, key, y, sizeof(y));
	return strcmp(x, y) == 0;
}

static bool comparable(const struct phase_result *a, const struct phase_result *b)
{
	return lanes_of(a) + lanes_of(b) == 3 && lanes_of(a) && lanes_of(b) && same(a, b, "policy") &&
	       same(a, b, "gate") && same(a, b, "slot");
}

static size_t find_pairs(const struct result *r, struct pair out[PAIRS_MAX])
{
	size_t n = 0;

	for (size_t k = 0; k + 1 < r->n_phases && n < PAIRS_MAX; k++) {
		const struct phase_result *a = &r->phases[k], *b = a + 1;

		if (!comparable(a, b))
			continue;
		out[n].one = lanes_of(a) == 1 ? a : b;
		out[n].two = lanes_of(a) == 1 ? b : a;
		out[n].ratio = out[n].two->total_mbps / out[n].one->total_mbps;
		n++;
		k++; /* each phase in one pair */
	}
	return n;
}

static struct range pairs_range(const struct pair *pairs, size_t n)
{
	double v[PAIRS_MAX];

	for (size_t i = 0; i < n; i++)
		v[i] = pairs[i].ratio;
	return range_of(v, n);
}

void report_compare(const struct result *r)
{
	struct pair pairs[PAIRS_MAX];
	size_t n = find_pairs(r, pairs);
	struct range v;

	if (n == 0)
		return;
	v = pairs_range(pairs, n);
	printf("\ntotal of two lanes / one, paired:");
	for (size_t i = 0; i < n; i++)
		printf(" %.1f / %.1f = %.3f", pairs[i].two->total_mbps, pairs[i].one->total_mbps,
		       pairs[i].ratio);
	printf("; median %.3f\n", v.median);
}

json_t *summary_compare(const struct result *r)
{
	struct pair pairs[PAIRS_MAX];
	size_t n = find_pairs(r, pairs);
	json_t *list = json_array();
	struct range v;

	if (n == 0) {
		json_decref(list);
		return json_null();
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:o,s:o,s:o}", "one_lane", pairs[i].one->phase->name,
						      "two_lanes", pairs[i].two->phase->name, "repetition",
						      (int)pairs[i].one->repetition, "one_lane_mbps",
						      summary_number(pairs[i].one->total_mbps), "two_lanes_mbps",
						      summary_number(pairs[i].two->total_mbps), "ratio",
						      summary_number(pairs[i].ratio)));
	v = pairs_range(pairs, n);
	return json_pack("{s:s,s:o,s:o,s:o,s:o}", "what", "total_mbps, two lanes / one lane", "pairs", list,
			 "median", summary_number(v.median), "min", summary_number(v.min), "max", summary_number(v.max));
}

/* --- a phase --------------------------------------------------------------------------------------- */

json_t *summary_cpu_vm(const struct cpu_vm *v)
{
	if (!v->there)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "share_pct", summary_number(v->share_pct), "error_pp",
			 summary_number(v->error_pp), "entitled_pct", summary_number(v->entitled_pct), "process_share_pct",
			 summary_number(v->process_share_pct), "process_error_pp", summary_number(v->process_error_pp),
			 "used_ms", summary_number(v->used_ms), "pauses", (json_int_t)v->pauses, "longest_pause_ms",
			 summary_number(v->longest_pause_ms));
}

json_t *summary_cpu_phase(const struct cpu_phase *c)
{
	if (!c->there)
		return json_null();
	return json_pack("{s:o,s:o,s:I,s:I,s:I,s:o,s:b}", "scheduler_pct_of_core", summary_number(c->scheduler_pct),
			 "daemon_pct_of_core", summary_number(c->daemon_pct), "decisions", (json_int_t)c->decisions,
			 "late_slots", (json_int_t)c->late_slots, "skipped_slots",
			 (json_int_t)c->skipped_slots, "late_max_ms", summary_number(c->late_max_ms), "realtime",
			 c->realtime);
}

static void cpu_rows(const struct result *r, const struct phase_result *p)
{
	printf("  %-8s %11s %9s %9s   %9s %9s %8s %11s\n", "CPU", "VMMs' CPU %", "error pp", "entitled",
	       "process %", "error pp", "pauses", "longest ms");
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		const struct cpu_vm *v = &p->vm[i].cpu;

		if (v->there)
			printf("  %-8s %11.2f %9.2f %9.2f   %9.2f %9.2f %8lu %11.1f\n",
			       r->scenario->vms[i].name, v->share_pct, v->error_pp, v->entitled_pct,
			       v->process_share_pct, v->process_error_pp, v->pauses, v->longest_pause_ms);
		else
			printf("  %-8s is in no slot\n", r->scenario->vms[i].name);
	}
	printf("  scheduler: %.2f %% of a core, all of divvyd %.2f %%; %lu slots, %lu late, %lu skipped%s\n",
	       p->cpu.scheduler_pct, p->cpu.daemon_pct, p->cpu.decisions, p->cpu.late_slots,
	       p->cpu.skipped_slots, p->cpu.realtime ? "" : "; no SCHED_FIFO");
}

static void gap_row(const char *vm, const char *which, bool there, const struct gaps *g)
{
	if (!there) {
		printf("  %-8s %-14s none\n", vm, which);
		return;
	}
	printf("  %-8s %-14s %8.3f %8.3f %8.3f %8.3f %8.3f %8.2f %8.1f\n", vm, which, g->mean_ms, g->sd_ms,
	       g->sd_ms / g->mean_ms, g->p50_ms, g->p99_ms, g->p99_ms / g->p50_ms, 100 * g->left_out);
}

static void gap_rows(const struct result *r, const struct phase_result *p)
{
	if (p->phase->scheduler == SCHEDULER_CPU)
		printf("  %-23s", "gaps ms");
	else
		printf("  gaps ms, cut as \"%s\"\n  %-23s", p->slots_of, "");
	printf(" %8s %8s %8s %8s %8s %8s %8s\n", "mean", "sd", "sd/mean", "p50", "p99", "p99/p50", "left %");
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		const struct vm_result *v = &p->vm[i];

		gap_row(r->scenario->vms[i].name, "inside slots", v->has_inside, &v->inside);
		gap_row(r->scenario->vms[i].name, "across slots", v->has_across, &v->across);
		gap_row(r->scenario->vms[i].name, "all", v->has_gaps, &v->gaps);
	}
}

void report_cpu_phase(const struct result *r, const struct phase_result *p)
{
	if (p->phase->schedule && p->phase->scheduler == SCHEDULER_CPU)
		printf("  schedule: %s\n", p->phase->schedule);
	if (p->cpu.there)
		cpu_rows(r, p);
	if (p->slots_of)
		gap_rows(r, p);
}

/* --- video ----------------------------------------------------------------------------------------- */

void report_video_phase(const struct result *r, const struct phase_result *p)
{
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		const struct video_result *v = &p->vm[i].video;

		if (!v->there)
			continue;
		printf("  %s: video of %" PRIu64 " packets, %" PRIu64 " lost (%.2f %%), %" PRIu64 " of %" PRIu64
		       " frames damaged; jitter %.2f ms, at most %.2f; late p50 %.1f, p99 %.1f, at most %.1f ms\n",
		       r->scenario->vms[i].name, v->packets, v->lost, v->loss_pct, v->damaged, v->frames, v->jitter_ms,
		       v->jitter_max_ms, v->late_p50_ms, v->late_p99_ms, v->late_max_ms);
		printf("  %s: SSIM %.4f", r->scenario->vms[i].name, v->ssim);
		if (!isnan(v->ssim_unloaded))
			printf(" (%.4f unloaded)", v->ssim_unloaded);
		printf(", against the stream as sent %.4f; the player: %s\n", v->ssim_stream, v->player);
	}
}

json_t *summary_video(const struct video_result *v)
{
	const struct {
		const char *name;
		double v;
	} numbers[] = {
		{ "loss_pct", v->loss_pct },	   { "jitter_ms", v->jitter_ms },     { "jitter_max_ms", v->jitter_max_ms },
		{ "late_p50_ms", v->late_p50_ms }, { "late_p99_ms", v->late_p99_ms }, { "late_max_ms", v->late_max_ms },
		{ "ssim", v->ssim },		   { "ssim_stream", v->ssim_stream }, { "ssim_unloaded", v->ssim_unloaded },
	};
	json_t *o;

	if (!v->there)
		return json_null();
	o = json_pack("{s:I,s:I,s:I,s:I,s:s}", "packets", (json_int_t)v->packets, "lost", (json_int_t)v->lost,
		      "frames", (json_int_t)v->frames, "damaged", (json_int_t)v->damaged, "player",
		      v->player);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name, summary_number(numbers[i].v));
	return o;
}
