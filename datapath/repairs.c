// SPDX-License-Identifier: GPL-2.0-or-later
#include "repairs.h"

#include "base/array.h"
#include "base/byifindex.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names come and go with specifications: the oldest entry makes room for a new one. */
#define ENTRIES_MAX 4096

static const char *const texts[] = {
	[REPAIR_FILTER_REMOVED] = "filter removed",
	[REPAIR_FILTER_CHANGED] = "filter changed",
	[REPAIR_PROGRAM_REMOVED] = "tcx program removed",
	[REPAIR_CLASS_REMOVED] = "class removed",
	[REPAIR_CLASS_CHANGED] = "class changed",
	[REPAIR_QUEUE] = "queue replaced or changed",
	[REPAIR_CLASSIFIER] = "classifier removed or preceded",
	[REPAIR_ROOT] = "root qdisc removed or replaced",
	[REPAIR_IFB_REMOVED] = "IFB removed",
	[REPAIR_IFB_CHANGED] = "IFB changed or set down",
};

const char *repair_text(enum repair what)
{
	return texts[what];
}

void repairs_free(struct repairs *r)
{
	free(r->list);
	free(r->removed);
	*r = (struct repairs){ 0 };
}

/* The first entry that is not below this one. */
static size_t lower_bound(const struct repairs *r, const char *name, enum repair what, enum direction direction)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct repairs_entry *e = &r->list[mid];
		int order = strcmp(e->name, name);

		if (order == 0)
			order = e->what != what ? (e->what < what ? -1 : 1) : (int)e->direction - (int)direction;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_oldest(struct repairs *r)
{
	size_t oldest = 0;

	for (size_t i = 1; i < r->n; i++)
		if (r->list[i].second < r->list[oldest].second)
			oldest = i;
	memmove(&r->list[oldest], &r->list[oldest + 1], (r->n - oldest - 1) * sizeof(*r->list));
	r->n--;
}

static struct repairs_entry *insert(struct repairs *r, const char *name, enum repair what, enum direction direction,
				    uint64_t second)
{
	struct repairs_entry *e;
	size_t at;

	if (r->n == ENTRIES_MAX)
		drop_oldest(r);
	if (array_reserve(&r->list, r->n, sizeof(*r->list)) < 0)
		return NULL;
	at = lower_bound(r, name, what, direction);
	e = &r->list[at];
	memmove(e + 1, e, (r->n - at) * sizeof(*e));
	r->n++;
	*e = (struct repairs_entry){ .what = what, .direction = direction, .second = second };
	snprintf(e->name, sizeof(e->name), "%s", name);
	return e;
}

/* Seconds between the latest note and this one had none. */
static void advance(struct repairs_entry *e, uint64_t second)
{
	for (uint64_t s = e->second + 1; s <= second && s <= e->second + REPAIRS_WINDOW_S; s++)
		e->in_second[s % REPAIRS_WINDOW_S] = 0;
	e->second = second;
}

int repairs_note(struct repairs *r, const char *name, enum repair what, enum direction direction, uint64_t now_ns)
{
	uint64_t second = now_ns / NSEC_PER_SEC;
	size_t at = lower_bound(r, name, what, direction);
	struct repairs_entry *e = &r->list[at];
	uint16_t *count;
	uint32_t tell;

	if (at == r->n || e->what != what || e->direction != direction || strcmp(e->name, name) != 0) {
		e = insert(r, name, what, direction, second);
		if (!e)
			return -ENOMEM;
	}
	advance(e, second);
	count = &e->in_second[second % REPAIRS_WINDOW_S];
	*count = (uint16_t)(*count + (*count < UINT16_MAX));
	e->since++;
	if (e->total++ && now_ns - e->logged_ns < REPAIRS_WINDOW_S * NSEC_PER_SEC)
		return 0;
	tell = e->since;
	e->since = 0;
	e->logged_ns = now_ns;
	return (int)tell;
}

int repairs_removed(struct repairs *r, uint32_t ifindex)
{
	return repairs_is_removed(r, ifindex) ?
		       0 :
		       byifindex_insert(&r->removed, &r->n_removed, sizeof(ifindex), &ifindex);
}

bool repairs_is_removed(const struct repairs *r, uint32_t ifindex)
{
	return byifindex_find(r->removed, r->n_removed, sizeof(ifindex), ifindex);
}

void repairs_keep_removed(struct repairs *r, bool (*still)(uint32_t ifindex, const void *arg), const void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_removed; i++)
		if (still(r->removed[i], arg))
			r->removed[kept++] = r->removed[i];
	r->n_removed = kept;
}

static uint32_t in_window(const struct repairs_entry *e, uint64_t second)
{
	uint32_t sum = 0;

	for (uint64_t s = e->second; s + REPAIRS_WINDOW_S > second && s + REPAIRS_WINDOW_S > e->second; s--) {
		sum += e->in_second[s % REPAIRS_WINDOW_S];
		if (s == 0)
			break;
	}
	return sum;
}

void repairs_sum(const struct repairs *r, const char *name, uint64_t now_ns, struct repairs_sum *out)
{
	size_t used = 0;

	*out = (struct repairs_sum){ 0 };
	for (size_t i = lower_bound(r, name, 0, 0); i < r->n && strcmp(r->list[i].name, name) == 0; i++) {
		const struct repairs_entry *e = &r->list[i];
		uint32_t n = in_window(e, now_ns / NSEC_PER_SEC);

		out->total += e->total;
		out->last_minute += n;
		if (!n || used >= sizeof(out->text))
			continue;
		used += (size_t)snprintf(out->text + used, sizeof(out->text) - used,
					 n == 1 ? "%s%s%s once" : "%s%s%s %u times", used ? ", " : "",
					 texts[e->what], direction_note(e->direction), n);
	}
}
