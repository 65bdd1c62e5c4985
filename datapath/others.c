// SPDX-License-Identifier: GPL-2.0-or-later
#include "others.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/net/filter.h"

#include <stdio.h>

static void vnic_free(struct others_vnic *v)
{
	free(v->text);
	free(v->place);
}

void others_free(struct others *o)
{
	for (size_t i = 0; i < o->n; i++)
		vnic_free(&o->list[i]);
	free(o->list);
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

int others_read(struct others *o, struct rtnl *r, uint32_t ifindex)
{
	_cleanup_free_ struct filter *f = NULL;
	struct others_vnic *known = byifindex_find(o->list, o->n, sizeof(*known), ifindex);
	struct others_vnic now = { .ifindex = ifindex };
	size_t n = 0;
	int err = filter_list_all(r, ifindex, &f, &n);

	if (err < 0)
		return err;
	now.text = calloc(n + 1, sizeof(*now.text));
	now.place = calloc(n + 1, sizeof(*now.place));
	err = now.text && now.place ? 0 : -ENOMEM;
	if (err >= 0)
		fill(&now, f, n);
	if (err >= 0 && known) {
		now.hook = known->hook;
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

int others_follow(struct others *o, struct rtnl *r, const struct tree *have, bool all)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < o->n; i++) {
		if (tree_vnic(have, o->list[i].ifindex))
			o->list[kept++] = o->list[i];
		else
			vnic_free(&o->list[i]);
	}
	o->n = kept;
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct tree_vnic *v = &have->vnics[i];
		struct others_vnic *known = byifindex_find(o->list, o->n, sizeof(*known), v->ifindex);
		int e = all || !known || known->hook != v->place ? others_read(o, r, v->ifindex) : 0;

		known = byifindex_find(o->list, o->n, sizeof(*known), v->ifindex);
		if (e >= 0 && known)
			known->hook = v->place;
		if (err == 0)
			err = e;
	}
	return err;
}
