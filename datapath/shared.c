// SPDX-License-Identifier: GPL-2.0-or-later
#include "shared.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/bpf/tcx.h"
#include "kernel/net/qdisc.h"
#include "kernel/proc/privilege.h"

#include <errno.h>
#include <linux/pkt_sched.h>

static bool has_filters(const struct others *o, uint32_t ifindex)
{
	const struct others_vnic *v = others_of(o, ifindex);

	for (size_t i = 0; v && i < v->n; i++)
		if (v->place[i] != OTHER_ELSEWHERE)
			return true;
	return false;
}

static int add(uint32_t **list, size_t *n, uint32_t ifindex)
{
	return *list && byifindex_find(*list, *n, sizeof(**list), ifindex) ?
		       0 :
		       byifindex_insert(list, n, sizeof(**list), &ifindex);
}

static int add_qdiscs(const struct dataplane *p, const struct others *o, uint32_t **list, size_t *n)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n_qdiscs = 0;
	int err = qdisc_list(p->rtnl, 0, &q, &n_qdiscs);

	for (size_t i = 0; i < n_qdiscs && err >= 0; i++) {
		const struct hook *hook = hooks_find(&p->hooks, q[i].ifindex);

		if (q[i].parent == TC_H_INGRESS && (!hook || !hook->ours || has_filters(o, q[i].ifindex)))
			err = add(list, n, q[i].ifindex);
	}
	return err;
}

static int add_programs(const struct dataplane *p, const struct host *h, uint32_t **list, size_t *n)
{
	bool reserved;
	int err = 0;

	reserved = privilege_reserve(true); /* for their names */
	for (size_t i = 0; i < h->n_links && err >= 0; i++) {
		struct tcx t;

		if (binding_unschedulable(&h->links[i]))
			continue;
		tcx_read(h->links[i].ifindex, classifier_id(p->classifier, CLASSIFIER_DIVERT), &t);
		if (t.others)
			err = add(list, n, h->links[i].ifindex);
	}
	privilege_reserve(reserved);
	return err;
}

int shared_read(const struct dataplane *p, const struct host *h, const struct others *o, uint32_t **ifindex,
		size_t *n)
{
	_cleanup_free_ uint32_t *list = NULL;
	size_t n_list = 0;
	int err = 0;

	if (classifier_id(p->classifier, CLASSIFIER_DIVERT))
		err = add_qdiscs(p, o, &list, &n_list);
	if (err >= 0 && classifier_id(p->classifier, CLASSIFIER_DIVERT))
		err = add_programs(p, h, &list, &n_list);
	if (err < 0)
		return err;
	*ifindex = TAKE_PTR(list);
	*n = n_list;
	return 0;
}

bool shared_changed(const struct dataplane *p, const struct host *h, const struct others *o,
		    const struct tree *want)
{
	_cleanup_free_ uint32_t *list = NULL;
	bool changed = false, any = false;
	size_t n = 0;

	for (size_t i = 0; i < want->n_vnics && !any; i++)
		any = want->vnics[i].hooks & HOOK_TCX;
	if (!any || shared_read(p, h, o, &list, &n) < 0)
		return false;
	for (size_t i = 0; i < want->n_vnics && !changed; i++) {
		const struct tree_vnic *v = &want->vnics[i];
		bool shared = list && byifindex_find(list, n, sizeof(*list), v->ifindex);

		changed = v->hooks & HOOK_TCX && shared != !!(v->hooks & HOOK_FILTER);
	}
	return changed;
}
