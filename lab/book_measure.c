/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct measure_kind measure_kinds[MEASURES] = {
	[MEASURE_ERROR] = { "share_error_pp", "share error, points", 3, false, true },
	[MEASURE_LOSS] = { "loss_pct", "loss %", 2, false, true },
	[MEASURE_UTILISATION] = { "utilisation_pct", "utilisation %", 1, true, false },
	[MEASURE_CPU] = { "cpu_ms_per_mbit", "VMMs' CPU, ms a Mbit", 2, false, true },
	[MEASURE_RTT_P50] = { "rtt_p50_ms", "RTT p50, ms", 1, false, true },
	[MEASURE_RTT_P99] = { "rtt_p99_ms", "RTT p99, ms", 1, false, false },
	[MEASURE_IPD_CV] = { "ipd_sd_by_mean", "gaps: sd / mean", 2, false, false },
	[MEASURE_IPD_P50] = { "ipd_p50_ms", "gaps: p50, ms", 3, false, false },
	[MEASURE_IPD_P99] = { "ipd_p99_ms", "gaps: p99, ms", 3, false, false },
	[MEASURE_IPD_P999] = { "ipd_p999_ms", "gaps: p99.9, ms", 2, false, false },
	[MEASURE_SETTLED] = { "settled_ms", "settled, ms", 0, false, false },
	[MEASURE_TOTAL] = { "total_mbps", "delivered, Mbit/s", 2, true, false },
};

/* The largest of the VMs', without its sign. */
static double worst_vm(const json_t *phase, const char *path)
{
	double worst = (double)NAN;
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(phase, "vms"), i, vm)
		worst = fmax(worst, fabs(book_number(vm, path)));
	return worst;
}

static double cpu_ms_per_mbit(const json_t *phase)
{
	double cores = 0, mbps = book_number(phase, "total_mbps");
	bool known = false;
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(phase, "vms"), i, vm) {
		double v = book_number(vm, "cpu_cores");

		if (isnan(v))
			continue;
		cores += v;
		known = true;
	}
	return known && mbps > 0 ? 1e3 * cores / mbps : (double)NAN;
}

double measure_of(const json_t *phase, enum measure m)
{
	static const char *const of_vm[MEASURES] = {
		[MEASURE_ERROR] = "error_pp",           [MEASURE_LOSS] = "loss_pct",
		[MEASURE_RTT_P50] = "rtt_ms.p50",       [MEASURE_RTT_P99] = "rtt_ms.p99",
		[MEASURE_IPD_P50] = "ipd_ms.p50",       [MEASURE_IPD_P99] = "ipd_ms.p99",
		[MEASURE_IPD_CV] = "ipd_ms.sd_by_mean", [MEASURE_IPD_P999] = "ipd_ms.p999",
	};

	/* who sends nothing may still ping */
	if (phase_idle(phase) && m != MEASURE_RTT_P50 && m != MEASURE_RTT_P99)
		return (double)NAN;
	if (of_vm[m])
		return worst_vm(phase, of_vm[m]);
	if (m == MEASURE_CPU)
		return cpu_ms_per_mbit(phase);
	if (m == MEASURE_UTILISATION)
		/* Of the wire; of the capacity that the scheduler was told where nothing else is known. */
		return 100 * book_number(phase, json_is_number(json_object_get(phase, "wire_utilisation")) ?
							"wire_utilisation" : "utilisation");
	return book_number(phase, m == MEASURE_SETTLED ? "settled_ms" : "total_mbps");
}

static double of_kind(const json_t *phase, const void *data)
{
	return measure_of(phase, *(const enum measure *)data);
}

struct spread measure_spread(const struct book_scenario *s, const char *under, const char *step,
			     enum measure m)
{
	return book_spread(s, under, step, of_kind, &m);
}

enum verdict measure_verdict(enum measure m, struct spread ours, struct spread theirs)
{
	/* of one run the order alone is told, whatever is better */
	if (measure_kinds[m].more_is_better && ours.n > 1 && theirs.n > 1)
		return verdict_of(theirs, ours);
	return verdict_of(ours, theirs);
}

const char *spread_text(struct spread s, int digits, char *out, size_t size)
{
	char median[32], min[32], max[32];

	if (s.n == 0) {
		snprintf(out, size, "-");
		return out;
	}
	snprintf(median, sizeof(median), "%.*f", digits, s.r.median);
	snprintf(min, sizeof(min), "%.*f", digits, s.r.min);
	snprintf(max, sizeof(max), "%.*f", digits, s.r.max);
	/* a range that is narrower than a digit is none to be read */
	if (s.n == 1 || (strcmp(min, median) == 0 && strcmp(max, median) == 0))
		snprintf(out, size, "%s", median);
	else
		snprintf(out, size, "%s [%s..%s]", median, min, max);
	return out;
}

/* A VM that has no part in a phase leaves nothing to settle at. */
static bool all_send(const json_t *phase)
{
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(phase, "vms"), i, vm)
		if (book_text(vm, "traffic") && book_number(vm, "entitled_mbps") <= 0)
			return false;
	return true;
}

/* Phases with a change that never settled. */
static unsigned unsettled(const struct book_scenario *s, const char *under, const char *step)
{
	const json_t *phase;
	unsigned n = 0;

	for (size_t i = 0; (phase = book_phase(s, under, step, i)); i++)
		n += !phase_skipped(phase) && json_is_true(json_object_get(phase, "changed")) &&
		     all_send(phase) && isnan(book_number(phase, "settled_ms"));
	return n;
}

const char *measure_text(const struct book_scenario *s, const char *under, const char *step, enum measure m,
			 char *out, size_t size)
{
	struct spread v = measure_spread(s, under, step, m);
	char number[100];

	if (m == MEASURE_ERROR && v.n == 0 && !book_loaded(s)) {
		snprintf(out, size, "not loaded");
		return out;
	}
	if (m == MEASURE_SETTLED) {
		unsigned never = unsettled(s, under, step);

		if (never && v.n == 0)
			snprintf(out, size, "not settled");
		else if (never)
			snprintf(out, size, "%s; %u of %u not settled",
				 spread_text(v, 0, number, sizeof(number)), never, never + v.n);
		if (never)
			return out;
	}
	return spread_text(v, measure_kinds[m].digits, out, size);
}
