// SPDX-License-Identifier: GPL-2.0-or-later
#include "topview.h"

#include "base/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const topview_sort_names[TOPVIEW_SORTS] = {
	[TOPVIEW_AS_WRITTEN] = "as written", [TOPVIEW_BY_DELIVERED] = "delivered", [TOPVIEW_BY_ENTITLED] = "entitled",
	[TOPVIEW_BY_DROPS] = "drops",	     [TOPVIEW_BY_VIOLATIONS] = "violations",
	[TOPVIEW_BY_STATE] = "state",	   [TOPVIEW_BY_SHARE] = "share",
	[TOPVIEW_BY_NAME] = "name",
};

void topview_free(struct topview *v)
{
	free(v->order);
}

/* --- what the filter lets through -------------------------------------------------------------------------- */

static bool matches(const struct top_row *row, const char *filter)
{
	return strcasestr(row->name, filter) || strcasestr(row->nic, filter) || strcasestr(row->vm, filter);
}

/* Fills out, a flag a row. */
static void filter_rows(const struct top_rows *r, const char *filter, bool *out)
{
	for (size_t i = 0; i < r->n; i++) /* parents come first */
		out[i] = matches(&r->list[i], filter) ||
			 (r->list[i].parent != TOP_NONE && out[r->list[i].parent]);
	for (size_t i = r->n; i-- > 0;)
		if (out[i] && r->list[i].parent != TOP_NONE)
			out[r->list[i].parent] = true;
}

/* --- order ------------------------------------------------------------------------------------------------- */

struct sorting {
	const struct top_rows *rows;
	enum topview_sort sort;
};

/* More comes first; what is not known comes last. */
static int more(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a < b) - (a > b);
}

static double both(const struct top_row *row, bool entitled)
{
	double sum = NAN;

	for (size_t d = 0; d < TOP_DIRECTIONS; d++) {
		double v = entitled ? row->flow[d].entitled : row->flow[d].delivered;

		if (row->flow[d].divided && !isnan(v))
			sum = isnan(sum) ? v : sum + v;
	}
	return sum;
}

static double drops(const struct top_row *row)
{
	return (double)(row->flow[TOP_TX].dropped + row->flow[TOP_RX].dropped);
}

static double violations(const struct top_row *row)
{
	return (double)(row->flow[TOP_TX].violations + row->flow[TOP_RX].violations);
}

static int by_sort(const void *pa, const void *pb, void *arg)
{
	const struct sorting *s = arg;
	uint32_t i = *(const uint32_t *)pa, j = *(const uint32_t *)pb;
	const struct top_row *a = &s->rows->list[i], *b = &s->rows->list[j];
	int r = 0;

	/* Families stay together: rows are compared by their ancestors below the same parent. */
	while (a->depth > b->depth && a->parent != j)
		a = &s->rows->list[a->parent];
	while (b->depth > a->depth && b->parent != i)
		b = &s->rows->list[b->parent];
	if (a->depth != b->depth) /* one holds the other */
		return a->depth < b->depth ? -1 : 1;
	while (a->parent != b->parent) {
		a = &s->rows->list[a->parent];
		b = &s->rows->list[b->parent];
	}
	switch (s->sort) {
	case TOPVIEW_BY_DELIVERED:
		r = more(both(a, false), both(b, false));
		break;
	case TOPVIEW_BY_ENTITLED:
		r = more(both(a, true), both(b, true));
		break;
	case TOPVIEW_BY_DROPS:
		r = more(drops(a), drops(b));
		break;
	case TOPVIEW_BY_VIOLATIONS:
		r = more(violations(a), violations(b));
		break;
	case TOPVIEW_BY_STATE:
		r = (int)b->state - (int)a->state;
		break;
	case TOPVIEW_BY_SHARE:
		r = more((double)a->share, (double)b->share);
		break;
	case TOPVIEW_BY_NAME:
		r = strcoll(a->label, b->label);
		break;
	case TOPVIEW_AS_WRITTEN:
	case TOPVIEW_SORTS:
		break;
	}
	return r ? r : (a > b) - (a < b);
}

static bool is_folded_away(const struct top_rows *r, uint32_t i)
{
	for (uint32_t up = r->list[i].parent; up != TOP_NONE; up = r->list[up].parent)
		if (r->list[up].folded)
			return true;
	return false;
}

int topview_arrange(struct topview *v, const struct top_rows *r, uint32_t keep)
{
	_cleanup_free_ bool *shown = v->filter[0] ? calloc(r->n + 1, sizeof(*shown)) : NULL;
	uint32_t *order = reallocarray(NULL, r->n + 1, sizeof(*order));
	size_t n = 0;

	if (!order || (v->filter[0] && !shown)) {
		free(order);
		return -ENOMEM;
	}
	if (shown)
		filter_rows(r, v->filter, shown);
	for (uint32_t i = 0; i < r->n; i++)
		if (shown ? shown[i] : !is_folded_away(r, i))
			order[n++] = i;
	if (v->sort != TOPVIEW_AS_WRITTEN)
		qsort_r(order, n, sizeof(*order), by_sort, &(struct sorting){ r, v->sort });
	free(v->order);
	v->order = order;
	v->n = n;
	for (size_t i = 0; i < n && keep != TOP_NONE; i++)
		if (order[i] == keep)
			v->selected = i;
	if (v->selected >= n)
		v->selected = n ? n - 1 : 0;
	return 0;
}

uint32_t topview_selected(const struct topview *v)
{
	return v->n ? v->order[v->selected] : TOP_NONE;
}

void topview_move(struct topview *v, long by, size_t height)
{
	if (by < 0 && (size_t)-by > v->selected)
		v->selected = 0;
	else
		v->selected = (size_t)((long)v->selected + by);
	if (v->selected >= v->n)
		v->selected = v->n ? v->n - 1 : 0;
	if (v->selected < v->first)
		v->first = v->selected;
	else if (height && v->selected >= v->first + height)
		v->first = v->selected - height + 1;
	/* No empty lines below while rows are left above. */
	if (v->first + height > v->n)
		v->first = v->n > height ? v->n - height : 0;
}
