/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was run, when and on what; and what was not. */

#include "book_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LATE_MS 500    /* a delay of the lab that the reader is told of, as report.c's */
#define CROWDED 0.25   /* part of all cores; senders and receivers of the lab take 0.1 */
#define QUICK_S 600    /* a quick run's time, by the evaluation's own target */

/* The driver knows; else any summary does. */
static const char *known(const struct book *b, const char *key)
{
	const char *text = book_text(b->figures, key);

	for (size_t i = 0; !text && i < b->n_scenarios; i++)
		text = book_text(b->scenarios[i].summary, key);
	return text;
}

static void fact(struct doc *d, const char *what, const char *text)
{
	if (!text || !*text)
		return;
	doc_row_begin(d);
	doc_cell(d, MARK_HEAD, "%s", what);
	doc_cell(d, MARK_NONE, "%s", text);
	doc_row_end(d);
}

static void facts(struct doc *d, const struct book *b)
{
	static const char *const heads[] = { "this run", "", NULL };
	const char *began = book_text(b->figures, "started"), *ended = book_text(b->figures, "ended"), *why;
	char text[300];
	const char *key;
	json_t *value;

	doc_table_begin(d, heads);
	fact(d, "date", known(b, "date") ?: began);
	if (began && ended) {
		snprintf(text, sizeof(text), "%.60s to %.60s", began, ended);
		fact(d, "from, to", text);
	}
	fact(d, "commit", known(b, "commit"));
	fact(d, "machine", known(b, "machine"));
	fact(d, "kernel", known(b, "kernel"));
	fact(d, "guests' kernel", known(b, "guest_kernel"));
	why = known(b, "accel_why");
	snprintf(text, sizeof(text), "%.40s%s%.200s%s", known(b, "accel") ?: "", why ? " (" : "", why ?: "",
		 why ? ")" : "");
	fact(d, "accelerator", text);
	json_object_foreach(json_object_get(b->figures, "versions"), key, value)
		fact(d, key, json_string_value(value));
	doc_table_end(d);
}

static bool failed(const struct book_scenario *s)
{
	return s->state != BOOK_DONE && (s->state == BOOK_FAILED || !s->summary);
}

static void incomplete(struct doc *d, const struct book *b)
{
	size_t n = 0;

	for (size_t i = 0; b->figures && i < b->n_scenarios; i++)
		n += failed(&b->scenarios[i]);
	if (n == 0)
		return;
	doc_verdict(d, MARK_POOR, "%zu of %zu scenarios have no complete result:", n, b->n_scenarios);
	doc_list_begin(d);
	for (size_t i = 0; i < b->n_scenarios; i++) {
		static const char *const names[] = { [BOOK_DONE] = "done",
						     [BOOK_FAILED] = "failed",
						     [BOOK_PLANNED] = "not run yet",
						     [BOOK_SKIPPED] = "left out" };
		const struct book_scenario *s = &b->scenarios[i];

		if (failed(s))
			doc_item(d, "%s: %s%s%s%s", s->name, names[s->state], s->why ? ": " : "",
				 s->why ?: "",
				 s->summary ? " (what it had measured until then is shown)" : "");
	}
	doc_list_end(d);
}

void targets_quick(const struct book *b, struct targets *t)
{
	struct target *one;
	double sum = 0;
	json_t *s;
	size_t i;

	if (!json_is_true(json_object_get(b->figures, "quick")))
		return;
	json_array_foreach(json_object_get(b->figures, "scenarios"), i, s) {
		double seconds = book_number(s, "seconds");

		sum += isnan(seconds) ? 0 : seconds;
	}
	one = targets_add(t, "quick", "The quick run: all its scenarios", "quick", "under 10 minutes");
	snprintf(one->ours, sizeof(one->ours), "%.0f min %02.0f s", floor(sum / 60), fmod(sum, 60));
	one->outcome = sum < QUICK_S ? OUTCOME_REACHED : OUTCOME_MISSED;
}

void book_head(struct doc *d, const struct book *b, const char *no_plots)
{
	unsigned most = 0, least = ~0U;

	for (size_t i = 0; i < b->n_scenarios; i++) {
		unsigned n = b->scenarios[i].summary ? book_repetitions(&b->scenarios[i]) : 0;

		if (n == 0)
			continue;
		most = n > most ? n : most;
		least = n < least ? n : least;
	}
	doc_para(d,
		 "The evaluation of Lee et al., \"Provisioning Service Differentiation for Virtualized "
		 "Network Devices\", on real virtual machines: the paper's CPU slots, and the scheduling of "
		 "virtual network devices; beside them what one would use today. All sentences are computed "
		 "from the data of the run.");
	facts(d, b);
	if (json_is_true(json_object_get(b->figures, "quick")))
		doc_verdict(
			d, MARK_WEAK,
			"Quick run: short phases, one repetition, and not all scenarios. It shows the shape of "
			"the results; no range stands behind its figures.");
	else if (most && least == 1)
		doc_verdict(d, MARK_WEAK,
			    "%s: where there is one repetition, no range stands behind a figure.",
			    most == 1 ? "One repetition" : "Some scenarios have one repetition only");
	if (no_plots)
		doc_verdict(d, MARK_POOR, "Plots are missing: %s.", no_plots);
	incomplete(d, b);
}

static void differs(struct doc *d, const struct book *b, const struct book_scenario *s, const char *key,
		    const char *what)
{
	const char *here = book_text(s->summary, key), *usual = known(b, key);

	if (here && usual && strcmp(here, usual) != 0)
		doc_verdict(d, MARK_WEAK, "Another %s than the rest of this report: %s.", what, here);
}

/* What a reader must know of a scenario's figures before believing them. */
void book_scenario_doubts(struct doc *d, const struct book_scenario *s)
{
	/* "2 x Intel ..." */
	double cores = strtod(book_text(s->summary, "machine") ?: "", NULL);
	double lost = book_number(s->summary, "arrivals_lost"), longest = 0;
	unsigned held_up = 0, crowded = 0;
	json_t *phase;
	size_t k;

	if (!book_loaded(s))
		doc_verdict(
			d, MARK_WEAK,
			"Not loaded: without a scheduler the guests did not fill the wire, so that ratios "
			"would mean nothing; they are left out.");
	json_array_foreach(json_object_get(s->summary, "phases"), k, phase) {
		double late = book_number(phase, "late_ms");

		crowded += cores >= 1 && book_number(phase, "others_cores") > CROWDED * cores;
		if (!(late > LATE_MS))
			continue;
		held_up++;
		longest = fmax(longest, late);
	}
	if (held_up)
		doc_verdict(d, MARK_WEAK,
			    "The lab itself was held up in %u of %zu phases, for up to %.1f s: loss and CPU of "
			    "these are not to be trusted.",
			    held_up, k, longest / 1e3);
	if (crowded)
		doc_verdict(d, MARK_WEAK,
			    "Others than the VMs used more than %.1f of %.0f cores in %u of %zu phases: the machine was not "
			    "quiet, or the VMs' servers needed that much.",
			    CROWDED * cores, cores, crowded, k);
	if (lost > 0)
		doc_verdict(
			d, MARK_POOR,
			"The meter's trace was too short by %.0f arrivals: figures of the last phases are wrong.",
			lost);
}

void book_scenario_head(struct doc *d, const struct book *b, const struct book_scenario *s)
{
	const char *notes = book_text(s->summary, "notes");

	doc_heading(d, 3, s->name, "%s: %s", s->name, s->title ?: "");
	differs(d, b, s, "machine", "machine");
	differs(d, b, s, "kernel", "kernel");
	if (notes)
		doc_para(d, "%s", notes);
	book_scenario_doubts(d, s);
}

void book_scenarios(struct doc *d, const struct book *b)
{
	static const char *const heads[] = { "scenario", "section", "what",   "repetitions",
					     "seconds",  "loaded",  "result", NULL };
	static const char *const states[] = { [BOOK_DONE] = "done", [BOOK_FAILED] = "failed",
					      [BOOK_PLANNED] = "not run", [BOOK_SKIPPED] = "left out" };

	doc_heading(d, 2, "scenarios", "The scenarios of this run");
	doc_table_begin(d, heads);
	for (size_t i = 0; i < b->n_scenarios; i++) {
		const struct book_scenario *s = &b->scenarios[i];
		const json_t *entry = json_array_get(json_object_get(b->figures, "scenarios"), i);
		const json_t *loaded = json_object_get(s->summary, "loaded");
		double seconds = book_number(entry, "seconds");
		enum book_state state = !b->figures && s->summary ? BOOK_DONE : s->state;

		doc_row_begin(d);
		doc_cell(d, MARK_HEAD, "%s", s->name);
		doc_cell(d, MARK_NONE, "%s", s->section ?: "");
		doc_cell(d, MARK_NONE, "%s", s->title ?: "");
		if (s->summary)
			doc_cell(d, MARK_NONE, "%u", book_repetitions(s));
		else
			doc_cell(d, MARK_NONE, " ");
		if (isnan(seconds))
			doc_cell(d, MARK_NONE, " ");
		else
			doc_cell(d, MARK_NONE, "%.0f", seconds);
		doc_cell(d, json_is_false(loaded) ? MARK_WEAK : MARK_NONE, "%s",
			 json_is_boolean(loaded) ? json_is_true(loaded) ? "yes" : "no" : " ");
		doc_cell(d, state == BOOK_DONE ? MARK_NONE : MARK_POOR, "%s%s%s", states[state],
			 s->why ? ": " : "", s->why ?: "");
		doc_row_end(d);
	}
	doc_table_end(d);
}
