// SPDX-License-Identifier: GPL-2.0-or-later
#include "others.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/net/filter.h"

#include <stdio.h>

void others_free(struct others *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->list[i].text);
	free(o->list);
	*o = (struct others){ 0 };
}

const struct others_vnic *others_of(const struct others *o, uint32_t ifindex)
{
	return byifindex_find(o->list, o->n, sizeof(*o->list), ifindex);
}

/* At an `ingress` qdisc both addresses of a hook show the same filters. */
static bool is_known(const struct others_vnic *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->text[i], text) == 0)
			return true;
	return false;
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
	now.text = n ? calloc(n, sizeof(*now.text)) : NULL;
	if (n && !now.text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char text[OTHERS_TEXT_SIZE];

		snprintf(text, sizeof(text), "filter %s pref %u", f[i].kind, f[i].pref);
		if (!f[i].ours && !is_known(&now, text))
			memcpy(now.text[now.n++], text, sizeof(text));
	}
	if (known) {
		free(known->text);
		*known = now;
		return 0;
	}
	err = byifindex_insert(&o->list, &o->n, sizeof(now), &now);
	if (err < 0)
		free(now.text);
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
			free(o->list[i].text);
	}
	o->n = kept;
	for (size_t i = 0; i < have->n_vnics; i++) {
		uint32_t ifindex = have->vnics[i].ifindex;
		int e = all || !others_of(o, ifindex) ? others_read(o, r, ifindex) : 0;

		if (err == 0)
			err = e;
	}
	return err;
}
