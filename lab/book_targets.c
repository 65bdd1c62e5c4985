/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the evaluation was to reach, and whether it did. */

#include "book_measure.h"
#include "book_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void append_text(char *out, size_t size, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, size - n, fmt, ap);
	va_end(ap);
}

struct target *targets_add(struct targets *t, const char *id, const char *what, const char *brief,
			   const char *reach)
{
	struct target *one = &t->t[t->n < TARGETS_MAX ? t->n++ : TARGETS_MAX - 1];

	*one = (struct target){ .outcome = OUTCOME_UNKNOWN };
	snprintf(one->id, sizeof(one->id), "%s", id);
	snprintf(one->what, sizeof(one->what), "%s", what);
	snprintf(one->brief, sizeof(one->brief), "%s", brief);
	snprintf(one->reach, sizeof(one->reach), "%s", reach);
	snprintf(one->ours, sizeof(one->ours), "no figure");
	return one;
}

void target_unknown(struct target *t, const char *why)
{
	t->outcome = OUTCOME_UNKNOWN;
	snprintf(t->ours, sizeof(t->ours), "%s", why);
}

void target_judge(struct target *t, struct spread v, double bound, bool at_least, int digits,
		  const char *unit)
{
	double worst = at_least ? v.r.min : v.r.max;
	char text[100];

	if (v.n == 0)
		return;
	snprintf(t->ours, sizeof(t->ours), "%s%s%s", spread_text(v, digits, text, sizeof(text)),
		 *unit ? " " : "", unit);
	if (at_least ? v.r.median < bound : v.r.median > bound)
		t->outcome = OUTCOME_MISSED;
	else
		t->outcome = (at_least ? worst < bound : worst > bound) ? OUTCOME_PARTLY : OUTCOME_REACHED;
}

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = { [OUTCOME_MISSED] = "missed",
					     [OUTCOME_UNKNOWN] = "not measured",
					     [OUTCOME_PARTLY] = "reached, not in every repetition",
					     [OUTCOME_REACHED] = "reached" };

	return names[o];
}

enum mark outcome_mark(enum outcome o)
{
	static const enum mark marks[] = { [OUTCOME_MISSED] = MARK_POOR,
					   [OUTCOME_UNKNOWN] = MARK_WEAK,
					   [OUTCOME_PARTLY] = MARK_WEAK,
					   [OUTCOME_REACHED] = MARK_GOOD };

	return marks[o];
}

static unsigned count(const struct targets *t, enum outcome o)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->t[i].outcome == o;
	return n;
}

void book_summary(struct doc *d, const struct book *b, const struct targets *t)
{
	static const char *const heads[] = { "what", "to reach", "device scheduling here", "", NULL };
	unsigned reached = count(t, OUTCOME_REACHED), partly = count(t, OUTCOME_PARTLY);

	(void)b;
	doc_heading(d, 2, "targets", "What was to be reached");
	doc_para(d,
		 "%u of %zu reached%s, %u missed, %u not measured. Judged by the median of the repetitions; in "
		 "brackets the smallest and the largest of them. The missed ones first.",
		 reached + partly, t->n, partly ? " (some not in every repetition)" : "", count(t, OUTCOME_MISSED),
		 count(t, OUTCOME_UNKNOWN));
	doc_table_begin(d, heads);
	for (enum outcome o = OUTCOME_MISSED; o <= OUTCOME_REACHED; o++)
		for (size_t i = 0; i < t->n; i++) {
			if (t->t[i].outcome != o)
				continue;
			doc_row_begin(d);
			doc_cell(d, MARK_HEAD, "%s", t->t[i].what);
			doc_cell(d, MARK_NONE, "%s", t->t[i].reach);
			doc_cell(d, MARK_NONE, "%s", t->t[i].ours);
			doc_cell(d, outcome_mark(o), "%s", outcome_name(o));
			doc_row_end(d);
		}
	doc_table_end(d);
}
