/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "report.h"

#include "report_parts.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* A delay that the reader is told of. */
#define LATE_MS 500

int report_open(FILE **ret, const char *dir, const char *name, struct errtext *e)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		return errtext_set(e, -errno, "%.400s: %s", path, strerror(errno));
	*ret = f;
	return 0;
}

int report_close(FILE *f, const char *dir, const char *name, struct errtext *e)
{
	bool bad = ferror(f);

	if (fclose(f) != 0 || bad)
		return errtext_set(e, -EIO, "%.200s/%s: not written completely: %s", dir, name,
				   strerror(errno));
	return 0;
}

/* A number, or a dash where there is none. */
static void cell(int width, int digits, double v)
{
	if (isnan(v))
		printf(" %*s", width, "-");
	else
		printf(" %*.*f", width, digits, v);
}

static void table_head(const struct result *r, const struct phase_result *p)
{
	printf("\n%s", p->phase->name);
	if (r->scenario->repeat > 1)
		printf(", turn %u", p->repetition);
	printf(" - %s",
	       p->phase->scheduler == SCHEDULER_NONE ? "no scheduler" : scheduler_name(p->phase->scheduler));
	if (p->phase->backpressure)
		printf(", backpressure %s", p->phase->backpressure);
	printf(", %u s\n", p->phase->seconds);
	printf("  %-8s %6s %8s %8s %8s %7s %25s %8s %9s %15s\n", "VM", "share", "Mbit/s", "got %", "error pp",
	       "loss %", "gap ms p50 / p99 / p99.9", "CPU", "ms/Mbit", "RTT ms p50/p99");
}

static void table_row(const struct result *r, const struct phase_result *p, size_t i)
{
	const struct vm_result *v = &p->vm[i];
	double none = (double)NAN;

	printf("  %-8s", r->scenario->vms[i].name);
	cell(6, 0, p->phase->has_shares ? p->phase->shares[i].weight : none);
	cell(8, 2, v->mbps);
	if (result_judged(r, p)) {
		cell(8, 2, v->share_pct);
		cell(8, 2, v->error_pp);
	} else {
		printf(" %17s", p->phase->idle ? "-" : "not loaded");
	}
	cell(7, 3, v->loss_pct);
	cell(9, 3, v->has_gaps ? v->gaps.p50_ms : none);
	cell(7, 2, v->has_gaps ? v->gaps.p99_ms : none);
	cell(7, 2, v->has_gaps ? v->gaps.p999_ms : none);
	cell(8, 2, v->cpu_cores);
	cell(9, 2, p->phase->idle ? none : 1e3 * v->cpu_per_mbit);
	cell(7, 1, v->rtt_p50_ms);
	cell(7, 1, v->rtt_p99_ms);
	printf("\n");
}

static void entitlement_line(const char *name, const struct vm_result *v)
{
	if (!isnan(v->entitlement_error_pp))
		printf("  %s: entitled to %.2f Mbit/s, entitlement error %+.2f points of the uplink\n", name,
		       v->entitled_mbps, v->entitlement_error_pp);
}

static void queue_line(const char *name, const struct vm_result *v)
{
	if (isnan(v->empty_pct))
		return;
	printf("  %s: queue empty at %.1f %% of looks", name, v->empty_pct);
	if (v->sndbuf > 0)
		printf("; send buffer %d B, at most %.1f ms of standing queue", v->sndbuf, v->bound_ms);
	printf("\n");
}

static void table_foot(const struct result *r, const struct phase_result *p)
{
	if (p->phase->idle)
		return;
	printf("  total %.2f Mbit/s, ", p->total_mbps);
	if (!scenario_unlimited(r->scenario))
		printf("utilisation %.2f %%, ", 100 * p->utilisation);
	printf("drops: %lu in the host's queues, %lu on the wire", p->queue_drops, p->wire_drops);
	if (result_judged(r, p) && p->phase->scheduler != SCHEDULER_NONE)
		printf(", Jain %.4f", p->jain);
	if (p->changed && !isnan(p->settled_ms))
		printf(", settled after %.0f ms", p->settled_ms);
	else if (p->changed && !r->scenario->rx)
		printf(", not settled");
	printf("\n");
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		entitlement_line(r->scenario->vms[i].name, &p->vm[i]);
		queue_line(r->scenario->vms[i].name, &p->vm[i]);
	}
	if (p->late_ms > LATE_MS)
		printf("  the lab itself was held up for %.1f s: loss and CPU of this phase are not to be trusted\n",
		       p->late_ms / 1e3);
	if (p->others_cores > 0.1 * (double)sysconf(_SC_NPROCESSORS_ONLN))
		printf("  others than the VMs used %.2f of the host's cores\n", p->others_cores);
}

/* A table for each phase. */
static void report_table(const struct result *r)
{
	for (size_t k = 0; k < r->n_phases; k++) {
		if (r->phases[k].skipped[0]) {
			printf("\n%s - left out: %s\n", r->phases[k].phase->name, r->phases[k].skipped);
			continue;
		}
		table_head(r, &r->phases[k]);
		for (size_t i = 0; i < r->scenario->n_vms; i++)
			table_row(r, &r->phases[k], i);
		table_foot(r, &r->phases[k]);
		report_cpu_phase(r, &r->phases[k]);
		report_video_phase(r, &r->phases[k]);
	}
	report_compare(r);
	if (r->load_known && !r->loaded && !scenario_unlimited(r->scenario))
		printf("\nnot loaded: without a scheduler the guests did not fill the wire, so ratios mean nothing\n");
	if (r->arrivals_lost)
		printf("\nthe meter's trace was too short by %lu arrivals: figures of the last phases are wrong\n",
		       r->arrivals_lost);
	printf("(figures leave out the first 2 s of each phase; Mbit/s are frames of layer 2 at the wire%s)\n",
	       r->scenario->rx ? ", or at the device of a VM that receives" : "");
	fflush(stdout);
}

int record(const struct result *r, const char *dir, struct errtext *e)
{
	int err;

	report_table(r);
	err = summary_write(r, dir, e);
	if (err == 0)
		err = csv_write(r, dir, e);
	if (err == 0)
		err = plot_write(r, dir, e);
	if (err == 0)
		printf("\nwritten to %s: summary.json, bandwidth.svg, bandwidth.png, *.csv\n", dir);
	return err;
}
