/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of the report, and what they tell each other: which targets of the evaluation are reached. */

#include "book_causes.h"
#include "book_data.h"
#include "book_doc.h"
#include "book_paper.h"

/* --- targets ------------------------------------------------------------------------------------- */

enum outcome { OUTCOME_MISSED, OUTCOME_UNKNOWN, OUTCOME_PARTLY, OUTCOME_REACHED }; /* the poor ones first */

struct target {
	char what[120];    /* "Figure 5: share error of the worst VM" */
	char brief[60];    /* the same inside a sentence about its figure */
	char reach[60];    /* "at most 0.3 points" */
	char ours[200];    /* "0.005 [0.003..0.009] points" */
	char id[16];       /* of its figure or section, for sentences */
	enum outcome outcome;
};

#define TARGETS_MAX 160
struct targets {
	struct target t[TARGETS_MAX];
	size_t n;
};

/* One more, to be filled in; never NULL: what is too much goes to the last one. */
struct target *targets_add(struct targets *t, const char *id, const char *what, const char *brief,
			   const char *reach);
/* By median and worst repetition against a bound; unit may be "". */
void target_judge(struct target *t, struct spread v, double bound, bool at_least, int digits,
		  const char *unit);
void target_unknown(struct target *t, const char *why);
const char *outcome_name(enum outcome o);
enum mark outcome_mark(enum outcome o);

/* Each part adds its own. */
void targets_figures(const struct book *b, struct targets *t);
void targets_video(const struct book *b, struct targets *t);
void targets_quick(const struct book *b, struct targets *t);
void targets_peers(const struct book *b, const struct causes *c, struct targets *t);

/* --- parts: each writes its section, or says why there is none ----------------------------------- */

/* Scenarios that show a figure: its own, or several readings of it (fig12-60-40). NULL: no more. */
const struct book_scenario *figure_scenario(const struct book *b, const struct paper_figure *p, size_t i);
/* The name of a plot; i: which of the figure's scenarios. Borrowed until the next call. */
const char *figure_plot_name(const struct paper_figure *p, size_t i);
/* The items of `under` in the order of the panels; those the figure does not have are left out. */
size_t figure_unders(const struct book_scenario *s, const struct paper_figure *p,
		     const char *out[UNDER_KINDS]);
/*
 * Draw all of them into dir. What cannot be drawn does not keep the others. 0 or negative errno with the
 * first's text.
 */
int figures_draw(const struct book *b, const char *dir, struct errtext *e);

/* no_plots: why there are not all plots, NULL: there are. */
void book_head(struct doc *d, const struct book *b, const char *no_plots);
/* Not loaded, held up, or with a trace cut short. */
void book_scenario_doubts(struct doc *d, const struct book_scenario *s);
/* A scenario's heading, and below it what sets it apart: not loaded, another machine, its notes. */
void book_scenario_head(struct doc *d, const struct book *b, const struct book_scenario *s);
void book_summary(struct doc *d, const struct book *b, const struct targets *t);
void book_figures(struct doc *d, const struct book *b, const struct targets *t);
void book_peers(struct doc *d, const struct book *b, const struct causes *c);
void book_video(struct doc *d, const struct book *b);
void book_guests(struct doc *d, const struct book *b);
void book_others(struct doc *d, const struct book *b); /* nothing if there is none */
void book_scenarios(struct doc *d, const struct book *b);

/* One sentence on what holds and what does not; buffer of size. */
enum mark figure_sentence(const struct book_scenario *s, const struct paper_figure *p,
			  const struct targets *t, char *out, size_t size);
/* Add formatted text at the end of out. */
void append_text(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
