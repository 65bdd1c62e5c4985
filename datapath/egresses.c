// SPDX-License-Identifier: GPL-2.0-or-later
#include "egresses.h"

#include "base/cleanup.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"
#include "plan/tree.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = ((const struct qdisc *)a)->ifindex, y = ((const struct qdisc *)b)->ifindex;

	return (x > y) - (x < y);
}

static void take(struct egress *e, const struct qdisc *q)
{
	if (q->parent == TC_H_INGRESS) {
		e->clsact |= strcmp(q->kind, "clsact") == 0;
		e->ingress |= strcmp(q->kind, "ingress") == 0;
	} else if (q->parent == TC_H_ROOT && q->handle != TREE_CLASSID(0U)) {
		e->root = q->handle;
		snprintf(e->kind, sizeof(e->kind), "%s", q->kind);
	}
}

/* Whether divvy's own `ingress` may go: asked where that would make a place, a dump each. */
static bool ingress_may_go(struct rtnl *r, const struct hooks *hooks, const struct egress *e)
{
	const struct hook *hook = e->ingress ? hooks_find(hooks, e->ifindex) : NULL;
	struct egress without = *e;
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;

	without.ingress = false;
	if (!hook || !hook->ours || !egress_place(&without).clsact || filter_list(r, e->ifindex, &f, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!f[i].ours)
			return false;
	return true;
}

int egresses_read(struct rtnl *r, const struct hooks *hooks, struct egress **list, size_t *n)
{
	_cleanup_free_ struct qdisc *q = NULL;
	struct egress *found;
	size_t n_qdiscs = 0, n_found = 0;
	int err = qdisc_list(r, 0, &q, &n_qdiscs);

	if (err < 0)
		return err;
	found = calloc(n_qdiscs + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	if (n_qdiscs)
		qsort(q, n_qdiscs, sizeof(*q), compare_ifindex);
	for (size_t i = 0; i < n_qdiscs; i++) {
		if (!n_found || found[n_found - 1].ifindex != q[i].ifindex)
			found[n_found++].ifindex = q[i].ifindex;
		take(&found[n_found - 1], &q[i]);
	}
	for (size_t i = 0; i < n_found; i++)
		if (ingress_may_go(r, hooks, &found[i]))
			found[i].ingress = false;
	*list = found;
	*n = n_found;
	return 0;
}
