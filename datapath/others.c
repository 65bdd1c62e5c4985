// SPDX-License-Identifier: GPL-2.0-or-later
#include "others.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/bpf/tcx.h"
#include "kernel/net/filter.h"
#include "kernel/proc/privilege.h"

#include <stdio.h>
#include <string.h>

static void vnic_free(struct others_vnic *v)
{
	free(v->text);
	free(v->place);
	free(v->early);
}

void others_free(struct others *o)
{
	for (size_t i = 0; i < o->n; i++)
		vnic_free(&o->list[i]);
	free(o->list);
	free(o->qdiscs);
	*o = (struct others){ 0 };
}

const struct others_vnic *others_of(const struct others *o, uint32_t ifindex)
{
	return byifindex_find(o->list, o->n, sizeof(*o->list), ifindex);
}

const char *others_before(const struct others_vnic *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->place[i] == OTHER_BEFORE)
			return v->text[i];
	return "";
}

/* At an `ingress` qdisc both addresses of a hook show the same filters. */
static bool is_known(const struct others_vnic *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->text[i], text) == 0)
			return true;
	return false;
}

/* The kernel dumps filters in the order in which packets meet them. */
static void fill(struct others_vnic *now, const struct filter *f, size_t n)
{
	enum other_place at_ingress = OTHER_BEFORE;

	for (size_t i = 0; i < n; i++) {
		char text[OTHERS_TEXT_SIZE];

		snprintf(text, sizeof(text), "filter %s pref %u", f[i].kind, f[i].pref);
		if (f[i].ours) {
			if (!f[i].chain)
				at_ingress = OTHER_BEHIND;
		} else if (!is_known(now, text)) {
			now->place[now->n] = f[i].egress || f[i].chain ? OTHER_ELSEWHERE : at_ingress;
			memcpy(now->text[now->n++], text, sizeof(text));
		}
	}
}

/* --- programs before tc ------------------------------------------------------------------------- */

static uint32_t xdp_of(const struct host *h, uint32_t ifindex)
{
	const struct link *l = host_link(h, ifindex);

	return l ? l->xdp : 0;
}

size_t others_early(const struct host *h, uint32_t ifindex, char text[EARLY_MAX][EARLY_TEXT_SIZE])
{
	struct early early;
	bool reserved;
	size_t n = 0;

	early_read(ifindex, xdp_of(h, ifindex), &early);
	if (!early.n)
		return 0;
	reserved = privilege_reserve(true); /* for their names */
	for (size_t i = 0; i < early.n; i++)
		n += strcmp(early_text(&early.list[i], text[n]), "tcx program " TCX_NAME) != 0;
	privilege_reserve(reserved);
	return n;
}

void others_early_egress(uint32_t ifindex, char text[EARLY_TEXT_SIZE])
{
	struct early early;
	bool reserved;

	text[0] = '\0';
	early_read_egress(ifindex, &early);
	if (!early.n)
		return;
	reserved = privilege_reserve(true);
	early_text(&early.list[0], text);
	privilege_reserve(reserved);
}

static void read_early(struct others_vnic *v, const struct host *h)
{
	char text[EARLY_MAX][EARLY_TEXT_SIZE];

	v->xdp = xdp_of(h, v->ifindex);
	free(v->early);
	v->early = NULL;
	v->n_early = others_early(h, v->ifindex, text);
	if (v->n_early)
		v->early = calloc(v->n_early, sizeof(*v->early));
	if (v->early)
		memcpy(v->early, text, v->n_early * sizeof(*v->early));
	else
		v->n_early = 0;
}

void others_read_early(struct others *o, const struct host *h, uint32_t ifindex)
{
	struct others_vnic *v = byifindex_find(o->list, o->n, sizeof(*v), ifindex);

	if (v)
		read_early(v, h);
}

void others_read_turn_early(struct others *o, const struct host *h)
{
	size_t n = o->n < OTHERS_TURN_VNICS ? o->n : OTHERS_TURN_VNICS;

	for (size_t i = 0; i < n; i++)
		read_early(&o->list[o->turn++ % o->n], h);
}

/* --- qdiscs ------------------------------------------------------------------------------------- */

bool others_wants_qdiscs(const struct others *o)
{
	return !o->has_qdiscs;
}

void others_qdiscs_changed(struct others *o)
{
	o->has_qdiscs = false;
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int others_take_qdiscs(struct others *o, const struct qdisc *q, size_t n)
{
	struct others_qdisc *list = calloc(n + 1, sizeof(*list));
	size_t kept = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		/* Handle 0: the kernel's own default. TREE_CLASSID(0): divvy's root. */
		if (q[i].handle == 0 || q[i].handle == TREE_CLASSID(0U) || !others_of(o, q[i].ifindex))
			continue;
		list[kept] = (struct others_qdisc){ .ifindex = q[i].ifindex, .parent = q[i].parent };
		snprintf(list[kept++].kind, sizeof(list->kind), "%s", q[i].kind);
	}
	if (kept)
		qsort(list, kept, sizeof(*list), compare_ifindex);
	free(o->qdiscs);
	o->qdiscs = list;
	o->n_qdiscs = kept;
	o->has_qdiscs = true;
	return 0;
}

const struct others_qdisc *others_qdiscs_of(const struct others *o, uint32_t ifindex, size_t *n)
{
	size_t at = byifindex_lower_bound(o->qdiscs, o->n_qdiscs, sizeof(*o->qdiscs), ifindex);

	for (*n = 0; at + *n < o->n_qdiscs && o->qdiscs[at + *n].ifindex == ifindex;)
		(*n)++;
	return *n ? &o->qdiscs[at] : NULL;
}

/* --- filters ------------------------------------------------------------------------------------ */

int others_read(struct others *o, const struct others_source *from, uint32_t ifindex)
{
	_cleanup_free_ struct filter *f = NULL;
	struct others_vnic *known = byifindex_find(o->list, o->n, sizeof(*known), ifindex);
	struct others_vnic now = { .ifindex = ifindex };
	size_t n = 0;
	int err = filter_list_all(from->rtnl, ifindex, &f, &n);

	if (err < 0)
		return err;
	now.text = calloc(n + 1, sizeof(*now.text));
	now.place = calloc(n + 1, sizeof(*now.place));
	err = now.text && now.place ? 0 : -ENOMEM;
	if (err >= 0) {
		fill(&now, f, n);
		read_early(&now, from->host);
	}
	if (err >= 0 && known) {
		now.hook = known->hook;
		now.hooks = known->hooks;
		vnic_free(known);
		*known = now;
		return 0;
	}
	if (err >= 0)
		err = byifindex_insert(&o->list, &o->n, sizeof(now), &now);
	if (err < 0)
		vnic_free(&now);
	return err;
}

bool others_touched(struct others *o, uint32_t ifindex)
{
	struct others_vnic *v = byifindex_find(o->list, o->n, sizeof(*v), ifindex);

	if (v)
		v->touched = true;
	return v;
}

void others_read_touched(struct others *o, const struct others_source *from)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].touched)
			(void)others_read(o, from, o->list[i].ifindex);
}

bool others_has_none(const struct others *o, uint32_t ifindex)
{
	const struct others_vnic *v = others_of(o, ifindex);

	return v && !v->touched && !v->n;
}

int others_follow(struct others *o, const struct others_source *from, const struct tree *have, bool all)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < o->n; i++) {
		if (tree_has_vnic(have, o->list[i].ifindex))
			o->list[kept++] = o->list[i];
		else
			vnic_free(&o->list[i]);
	}
	o->n = kept;
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct tree_vnic *v = &have->vnics[i];
		bool twice = i + 1 < have->n_vnics && v[1].ifindex == v->ifindex;
		unsigned int hooks = v->hooks | (twice ? v[1].hooks : 0);
		struct others_vnic *known = byifindex_find(o->list, o->n, sizeof(*known), v->ifindex);
		bool other = known && (known->hook != v->place || known->hooks != hooks);
		int e = all || !known || other ? others_read(o, from, v->ifindex) : 0;

		/* With its filter divvy's own qdisc comes and goes, of which no event tells it. */
		if (all || !known || other)
			others_qdiscs_changed(o);
		known = byifindex_find(o->list, o->n, sizeof(*known), v->ifindex);
		if (e >= 0 && known) {
			known->hook = v->place;
			known->hooks = hooks;
		}
		i += twice; /* the other direction */
		if (err == 0)
			err = e;
	}
	return err;
}
