/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Guests of more than one kind: emulated devices, traffic programs, libvirt, containers, topologies. */

#include "book_measure.h"
#include "book_parts.h"

#include "base/cleanup.h"

#include <string.h>

static const enum measure columns[] = { MEASURE_ERROR, MEASURE_LOSS, MEASURE_UTILISATION, MEASURE_CPU,
					MEASURE_IPD_P99, MEASURE_SETTLED };

static const char what_figures_are[] =
	"Figures are of the worst VM; medians of the repetitions with [smallest..largest].";

/* "a 60.0, b 40.0" */
static void delivered(const struct book_scenario *s, const char *under, const char *step, char *out,
		      size_t size)
{
	for (size_t i = 0; i < book_n_vms(s); i++) {
		struct spread v = book_spread_path(s, under, step, (int)i, "mbps");

		if (v.n)
			append_text(out, size, "%s%s %.2f", *out ? ", " : "", book_vm_name(s, i), v.r.median);
	}
}

static void row(struct doc *d, const struct book_scenario *s, const char *under, const char *step)
{
	const json_t *phase = book_phase(s, under, step, 0);
	char text[300] = "";

	doc_row_begin(d);
	doc_cell(d, MARK_HEAD, "%s%s%s", under, *step ? ": " : "", step);
	if (phase_skipped(phase)) {
		doc_cell(d, MARK_WEAK, "left out: %s", phase_skipped(phase));
	} else {
		delivered(s, under, step, text, sizeof(text));
		doc_cell(d, MARK_NONE, "%s", text);
	}
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		doc_cell(d, MARK_NONE, "%s", measure_text(s, under, step, columns[c], text, sizeof(text)));
	doc_row_end(d);
}

static void one(struct doc *d, const struct book *b, const struct book_scenario *s)
{
	const char *heads[ARRAY_SIZE(columns) + 3] = { "", "delivered, Mbit/s" };

	book_scenario_head(d, b, s);
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		heads[2 + c] = measure_kinds[columns[c]].head;
	doc_table_begin(d, heads);
	for (size_t i = 0; i < s->n_under; i++)
		for (size_t k = 0; k < s->n_steps; k++) {
			const json_t *phase = book_phase(s, s->under[i], s->step[k], 0);

			if (phase && !phase_idle(phase))
				row(d, s, s->under[i], s->n_steps > 1 ? s->step[k] : "");
		}
	doc_table_end(d);
}

void book_guests(struct doc *d, const struct book *b)
{
	const struct book_scenario *s = book_next(b, "guests", NULL);

	doc_heading(d, 2, "guests", "Guests of more than one kind");
	if (!s) {
		doc_verdict(d, MARK_WEAK,
			    "Not measured in this run: no scenario of the section \"guests\" has a result.");
		return;
	}
	doc_para(d, "%s", what_figures_are);
	for (; s; s = book_next(b, "guests", s))
		one(d, b, s);
}

/* Shown by another part of the report. */
static bool shown(const struct book *b, const struct book_scenario *s)
{
	for (size_t k = 0; k < paper_n_figures; k++)
		for (size_t i = 0; figure_scenario(b, &paper_figures[k], i); i++)
			if (figure_scenario(b, &paper_figures[k], i) == s)
				return true;
	return s->section && (strcmp(s->section, "peers") == 0 || strcmp(s->section, "video") == 0 ||
			      strcmp(s->section, "guests") == 0);
}

void book_others(struct doc *d, const struct book *b)
{
	bool any = false;

	for (size_t i = 0; i < b->n_scenarios; i++) {
		const struct book_scenario *s = &b->scenarios[i];

		if (!s->summary || shown(b, s))
			continue;
		if (!any) {
			doc_heading(d, 2, "others", "Other scenarios");
			doc_para(d, "%s", what_figures_are);
		}
		any = true;
		one(d, b, s);
	}
}
