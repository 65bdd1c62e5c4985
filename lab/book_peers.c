/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Device scheduling beside what an administrator would set up today: a table for each workload, and who is
 * first.
 */

#include "book_hints.h"
#include "book_measure.h"
#include "book_parts.h"

#include "base/cleanup.h"

#include <string.h>

/* The columns of a workload's table. */
static const enum measure columns[] = {
	MEASURE_ERROR,	 MEASURE_LOSS,	  MEASURE_UTILISATION, MEASURE_CPU,	 MEASURE_RTT_P50,
	MEASURE_RTT_P99, MEASURE_IPD_CV, MEASURE_IPD_P999,    MEASURE_SETTLED,
};

/* A workload's step under which everybody sends. */
static bool judged_step(const struct book_scenario *s, const char *step)
{
	for (size_t i = 0; i < s->n_under; i++) {
		const json_t *phase;

		for (size_t k = 0; (phase = book_phase(s, s->under[i], step, k)); k++)
			if (!phase_skipped(phase) && !phase_idle(phase))
				return true;
	}
	return false;
}

static const char *skipped_why(const struct book_scenario *s, const char *under, const char *step)
{
	const json_t *phase;
	const char *why = NULL;

	for (size_t k = 0; (phase = book_phase(s, under, step, k)); k++) {
		if (!phase_skipped(phase))
			return NULL;
		why = phase_skipped(phase);
	}
	return why;
}

static enum verdict judge(const struct book_scenario *s, const char *device, const char *peer,
			  const char *step, enum measure m)
{
	if (m == MEASURE_ERROR && !book_loaded(s))
		return VERDICT_NONE;
	return measure_verdict(m, measure_spread(s, device, step, m), measure_spread(s, peer, step, m));
}

static enum mark verdict_mark(enum verdict v)
{
	return v == VERDICT_FIRST ? MARK_GOOD : v == VERDICT_BEHIND ? MARK_POOR : MARK_NONE;
}

/* --- the overview -------------------------------------------------------------------------------- */

/* "share error, loss" for the judged measures with a verdict. */
static void listed(const struct book_scenario *s, const char *device, const char *peer, const char *step,
		   enum verdict v, char *out, size_t size)
{
	static const char *const brief[MEASURES] = {
		[MEASURE_ERROR] = "share error", [MEASURE_LOSS] = "loss", [MEASURE_CPU] = "CPU",
		[MEASURE_RTT_P50] = "RTT",
	};
	bool any = false;

	for (enum measure m = 0; m < MEASURES; m++)
		if (measure_kinds[m].judged && judge(s, device, peer, step, m) == v) {
			append_text(out, size, "%s%s", any ? ", " : *out ? "; " : "", any ? "" : verdict_name(v));
			append_text(out, size, "%s%s", any ? "" : ": ", brief[m]);
			any = true;
		}
}

static void overview_cell(struct doc *d, const struct book_scenario *s, const char *device, const char *peer,
			  const char *step)
{
	/* the poor ones first */
	static const enum verdict order[] = { VERDICT_BEHIND, VERDICT_ONE_HIGHER, VERDICT_LEVEL,
					      VERDICT_FIRST, VERDICT_ONE_LOWER };
	char text[300] = "", behind[100] = "", first[100] = "";

	if (!book_phase(s, peer, step, 0)) {
		doc_cell(d, MARK_NONE, " ");
		return;
	}
	if (skipped_why(s, peer, step)) {
		doc_cell(d, MARK_WEAK, "left out");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		listed(s, device, peer, step, order[i], text, sizeof(text));
	listed(s, device, peer, step, VERDICT_BEHIND, behind, sizeof(behind));
	listed(s, device, peer, step, VERDICT_FIRST, first, sizeof(first));
	doc_cell(d, *behind ? MARK_POOR : *first ? MARK_GOOD : MARK_NONE, "%s", text);
}

static size_t peers_of(const struct book *b, const char *names[BOOK_UNDERS_MAX])
{
	const struct book_scenario *s = NULL;
	size_t n = 0;

	while ((s = book_next(b, "peers", s)))
		for (size_t i = 0; i < s->n_under; i++) {
			size_t k = 0;

			while (k < n && strcmp(names[k], s->under[i]) != 0)
				k++;
			if (k == n && n < BOOK_UNDERS_MAX && book_under_kind(s, s->under[i]) != UNDER_DEVICE)
				names[n++] = s->under[i];
		}
	return n;
}

static void overview(struct doc *d, const struct book *b)
{
	const char *peers[BOOK_UNDERS_MAX],
		*heads[BOOK_UNDERS_MAX + 2] = { "device scheduling on ... against ..." };
	size_t n = peers_of(b, peers);
	const struct book_scenario *s = NULL;

	for (size_t i = 0; i < n; i++)
		heads[1 + i] = peers[i];
	heads[1 + n] = NULL;
	doc_table_begin(d, heads);
	while ((s = book_next(b, "peers", s)))
		for (size_t k = 0; k < s->n_steps; k++) {
			const char *device = book_under_of(s, UNDER_DEVICE);

			if (!judged_step(s, s->step[k]))
				continue;
			doc_row_begin(d);
			doc_cell(d, MARK_HEAD, "%s%s%s%s", s->name, s->n_steps > 1 ? ": " : "",
				 s->n_steps > 1 ? s->step[k] : "", book_loaded(s) ? "" : " (not loaded)");
			for (size_t i = 0; i < n; i++)
				if (device)
					overview_cell(d, s, device, peers[i], s->step[k]);
				else
					doc_cell(d, MARK_WEAK, "no device run");
			doc_row_end(d);
		}
	doc_table_end(d);
}

/* What stands behind the names. doc/peers.md has the sources. */
static void legend(struct doc *d, const struct book *b)
{
	static const struct {
		const char *scheduler, *what;
	} known[] = {
		{ "none", "nobody divides" },
		{ "administrator",
		  "HTB at the uplink as an administrator writes it: rate = share, ceil = capacity, all else "
		  "tc's defaults" },
		{ "htb-tuned", "HTB at the uplink, quantum and burst tuned by hand" },
		{ "cni", "the CNI bandwidth plugin: TBF over IFB, a limit for each VM" },
		{ "proxmox", "Proxmox VE's limit of each tap" },
		{ "libvirt", "libvirt's limit of each tap" },
		{ "cpu-weight", "CPU weights of control groups" },
		{ "cpu-quota", "CPU quotas of control groups" },
		{ "cpu", "CPU slots: a VM runs in its turns" },
		{ "divvy", "device scheduling" },
	};
	bool listed[ARRAY_SIZE(known)] = {};
	const struct book_scenario *s = NULL;

	doc_list_begin(d);
	while ((s = book_next(b, "peers", s)))
		for (size_t i = 0; i < s->n_under; i++)
			for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
				const char *scheduler =
					book_text(book_phase(s, s->under[i], NULL, 0), "scheduler");

				if (!scheduler || strcmp(scheduler, known[k].scheduler) != 0 || listed[k])
					continue;
				listed[k] = true;
				doc_item(d, "%s: %s", s->under[i], known[k].what);
			}
	doc_list_end(d);
}

/* --- a workload ---------------------------------------------------------------------------------- */

static void figures_table(struct doc *d, const struct book_scenario *s, const char *step)
{
	const char *heads[ARRAY_SIZE(columns) + 2] = { "" };
	char text[120];

	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		heads[1 + c] = measure_kinds[columns[c]].head;
	doc_table_begin(d, heads);
	for (size_t i = 0; i < s->n_under; i++) {
		const char *under = s->under[i];

		if (!book_phase(s, under, step, 0) || skipped_why(s, under, step))
			continue;
		doc_row_begin(d);
		doc_cell(d, MARK_HEAD, "%s", under);
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
			doc_cell(d, MARK_NONE, "%s",
				 measure_text(s, under, step, columns[c], text, sizeof(text)));
		doc_row_end(d);
	}
	doc_table_end(d);
}

static void verdicts_table(struct doc *d, const struct book_scenario *s, const char *device, const char *step)
{
	const char *heads[MEASURES + 2] = { "device scheduling against" };
	size_t n = 1;

	for (enum measure m = 0; m < MEASURES; m++)
		if (measure_kinds[m].judged)
			heads[n++] = measure_kinds[m].head;
	heads[n] = NULL;
	doc_table_begin(d, heads);
	for (size_t i = 0; i < s->n_under; i++) {
		const char *peer = s->under[i];

		if (book_under_kind(s, peer) == UNDER_DEVICE || !book_phase(s, peer, step, 0) ||
		    skipped_why(s, peer, step))
			continue;
		doc_row_begin(d);
		doc_cell(d, MARK_HEAD, "%s", peer);
		for (enum measure m = 0; m < MEASURES; m++) {
			enum verdict v;

			if (!measure_kinds[m].judged)
				continue;
			v = judge(s, device, peer, step, m);
			doc_cell(d, verdict_mark(v), "%s", verdict_name(v));
		}
		doc_row_end(d);
	}
	doc_table_end(d);
}

static void causes_list(struct doc *d, const struct book_scenario *s, const char *device, const char *step,
			const struct causes *causes)
{
	bool any = false;

	for (size_t i = 0; i < s->n_under; i++)
		for (enum measure m = 0; m < MEASURES; m++) {
			const char *peer = s->under[i], *cause;
			char hint[700] = "";

			if (!measure_kinds[m].judged || book_under_kind(s, peer) == UNDER_DEVICE ||
			    judge(s, device, peer, step, m) != VERDICT_BEHIND)
				continue;
			if (!any)
				doc_list_begin(d);
			any = true;
			cause = causes_find(causes, s->name, peer, measure_kinds[m].key);
			behind_hint(s, device, peer, step, m, hint, sizeof(hint));
			doc_item(d, "behind %s in %s: %s%s%s%s", peer, measure_kinds[m].head, cause ?: "",
				 cause && *hint ? " " : "", *hint ? "The data show: " : "",
				 *hint ? hint : cause ? "" : "cause not yet known");
		}
	if (any)
		doc_list_end(d);
}

static void skipped_list(struct doc *d, const struct book_scenario *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_under; i++) {
		const char *why = skipped_why(s, s->under[i], NULL);

		if (!why)
			continue;
		if (!any)
			doc_list_begin(d);
		any = true;
		doc_item(d, "%s was left out: %s", s->under[i], why);
	}
	if (any)
		doc_list_end(d);
}

/* What each item did to the wire, in its own words. */
static void commands(struct doc *d, const struct book_scenario *s)
{
	for (size_t i = 0; i < s->n_under; i++) {
		const json_t *phase = book_phase(s, s->under[i], NULL, 0);
		const json_t *list = json_object_get(phase, "commands");
		char text[6000] = "", title[200];
		json_t *line;
		size_t k;

		json_array_foreach(list, k, line)
			append_text(text, sizeof(text), "%s\n", json_string_value(line) ?: "");
		snprintf(title, sizeof(title), "Commands of %.120s", s->under[i]);
		if (*text)
			doc_code(d, title, text);
	}
}

static void workload(struct doc *d, const struct book *b, const struct book_scenario *s,
		     const struct causes *causes)
{
	const char *device = book_under_of(s, UNDER_DEVICE);
	unsigned n = book_repetitions(s);

	book_scenario_head(d, b, s);
	if (n == 1)
		doc_verdict(d, MARK_WEAK, "One run: not judged; the order is shown.");
	skipped_list(d, s);
	for (size_t k = 0; k < s->n_steps; k++) {
		if (!judged_step(s, s->step[k]))
			continue;
		if (s->n_steps > 1)
			doc_para(d, "Step \"%s\", %u repetition%s:", s->step[k], n, n == 1 ? "" : "s");
		else
			doc_para(d, "%u repetition%s:", n, n == 1 ? "" : "s");
		figures_table(d, s, s->step[k]);
		if (!device)
			continue;
		verdicts_table(d, s, device, s->step[k]);
		causes_list(d, s, device, s->step[k], causes);
	}
	commands(d, s);
}

void book_peers(struct doc *d, const struct book *b, const struct causes *causes)
{
	const struct book_scenario *s = book_next(b, "peers", NULL);

	doc_heading(d, 2, "peers", "Beside what is used today");
	if (!s) {
		doc_verdict(d, MARK_WEAK,
			    "Not measured in this run: no scenario of the section \"peers\" has a result.");
		return;
	}
	doc_para(d,
		 "The same VMs, wire and run; the items take turns (A B C A B C). First: the ranges over the "
		 "repetitions have nothing in common, and device scheduling has the smaller one; behind: the "
		 "larger one; level: the ranges overlap. Figures are of the worst VM, CPU of all VMMs "
		 "together. A dash: no such figure (datagrams have a loss, TCP has none; RTT where a ping "
		 "runs). The commands that each peer itself runs are below each workload, their sources in "
		 "doc/peers.md.");
	legend(d, b);
	overview(d, b);
	for (; s; s = book_next(b, "peers", s))
		workload(d, b, s, causes);
}

void targets_peers(const struct book *b, const struct causes *causes, struct targets *t)
{
	unsigned n[VERDICT_ONE_HIGHER + 1] = {}, unknown = 0;
	const struct book_scenario *s = NULL;
	struct target *one =
		targets_add(t, "peers", "Against every peer, on every workload: share error, loss, CPU, RTT p50",
			    "peers", "no behind without its cause");

	while ((s = book_next(b, "peers", s))) {
		const char *device = book_under_of(s, UNDER_DEVICE);

		for (size_t k = 0; device && k < s->n_steps; k++)
			for (size_t i = 0; i < s->n_under; i++)
				for (enum measure m = 0; m < MEASURES; m++) {
					enum verdict v;
					char hint[700] = "";

					if (!measure_kinds[m].judged ||
					    book_under_kind(s, s->under[i]) == UNDER_DEVICE)
						continue;
					v = judge(s, device, s->under[i], s->step[k], m);
					n[v]++;
					if (v != VERDICT_BEHIND)
						continue;
					behind_hint(s, device, s->under[i], s->step[k], m, hint,
						    sizeof(hint));
					unknown += !*hint && !causes_find(causes, s->name, s->under[i],
									  measure_kinds[m].key);
				}
	}
	if (n[VERDICT_FIRST] + n[VERDICT_LEVEL] + n[VERDICT_BEHIND] > 0) {
		snprintf(one->ours, sizeof(one->ours),
			 "first %u, level %u, behind %u, of which %u without a known cause", n[VERDICT_FIRST],
			 n[VERDICT_LEVEL], n[VERDICT_BEHIND], unknown);
		one->outcome = unknown ? OUTCOME_MISSED : OUTCOME_REACHED;
	} else if (n[VERDICT_ONE_LOWER] + n[VERDICT_ONE_HIGHER] > 0) {
		snprintf(one->ours, sizeof(one->ours), "one run, not judged: lower or equal %u, higher %u",
			 n[VERDICT_ONE_LOWER], n[VERDICT_ONE_HIGHER]);
	} else {
		target_unknown(one, "not run");
	}
}
