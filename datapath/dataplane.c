// SPDX-License-Identifier: GPL-2.0-or-later
#include "dataplane.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"
#include "kernel/proc/privilege.h"
#include "observe.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

int dataplane_open(struct dataplane *p, char *errtext, size_t size)
{
	int err;

	*p = (struct dataplane){ .stale = true };
	err = rtnl_open(&p->rtnl);
	if (err < 0) {
		snprintf(errtext, size, "cannot open rtnetlink: %s", strerror(-err));
		return err;
	}
	p->fq_codel = qdisc_has_fq_codel(p->rtnl);
	err = classifier_open(&p->classifier, errtext, size);
	if (err < 0)
		return err;
	p->burst_error = burst_open(&p->burst, p->classifier);
	if (p->burst_error == -EOPNOTSUPP)
		p->burst_error = 0;
	return 0;
}

void dataplane_close(struct dataplane *p)
{
	p->rtnl = rtnl_close(p->rtnl);
	p->burst = burst_close(p->burst);
	p->classifier = classifier_close(p->classifier);
	tree_free(&p->have);
	hooks_free(&p->hooks);
	hooks_free(&p->noqueues);
	settle_free(&p->settle);
}

static struct observer observer(const struct dataplane *p)
{
	struct observer by = { .known = &p->have, .all_known = !p->half_done };

	for (enum classifier_program i = 0; i < N_CLASSIFIER_PROGRAMS; i++)
		by.id[i] = classifier_id(p->classifier, i);
	return by;
}

int dataplane_look_turn(struct dataplane *p, const struct host *h, struct tree *seen)
{
	struct observer by = observer(p);
	bool reserved;
	int err;

	by.host = h;
	by.turns = (unsigned int)(h->n_links / DATAPLANE_TURN_LINKS) + 1;
	by.turn = p->turn++ % by.turns;
	reserved = privilege_reserve(true);
	err = observe(p->rtnl, &by, seen);
	privilege_reserve(reserved);
	return err;
}

int dataplane_look(const struct dataplane *p, const uint32_t *ifindex, size_t n, struct tree *seen)
{
	const struct observer by = observer(p);
	bool reserved;
	int err;

	reserved = privilege_reserve(true); /* for names of tcx programs */
	err = ifindex ? observe_some(p->rtnl, &by, ifindex, n, seen) : observe(p->rtnl, &by, seen);
	privilege_reserve(reserved);
	return err;
}

void dataplane_take(struct dataplane *p, struct tree *seen)
{
	tree_free(&p->have);
	p->have = *seen;
	*seen = (struct tree){ 0 };
	p->stale = false;
	p->half_done = false;
}

int dataplane_observe(struct dataplane *p)
{
	struct tree seen;
	int err = dataplane_look(p, NULL, 0, &seen);

	if (err >= 0)
		dataplane_take(p, &seen);
	return err;
}

/* False also where the kernel does not tell. */
static bool filter_is_gone(struct dataplane *p, uint32_t ifindex)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;

	if (filter_list(p->rtnl, ifindex, &f, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (f[i].ours)
			return false;
	return true;
}

/* `ingress` and clsact have the same parent. */
enum settle_news dataplane_tc_news(uint16_t type, const struct tcmsg *tcm, bool root)
{
	if (tcm->tcm_parent != TC_H_INGRESS && !(root && tcm->tcm_parent == TC_H_ROOT))
		return SETTLE_OTHER;
	return type == RTM_DELQDISC ? SETTLE_REMOVED : type == RTM_NEWQDISC ? SETTLE_MADE : SETTLE_OTHER;
}

bool dataplane_tc_event(struct dataplane *p, uint16_t type, const struct tcmsg *tcm)
{
	uint32_t ifindex = (uint32_t)tcm->tcm_ifindex;
	struct tree_vnic *v = tree_vnic(&p->have, ifindex, DIRECTION_TX);
	bool hook_gone = dataplane_tc_news(type, tcm, false) == SETTLE_REMOVED;
	uint32_t pref = TC_H_MAJ(tcm->tcm_info) >> 16;

	if (hook_gone)
		hooks_drop(&p->hooks, ifindex); /* the next one is another's, or new */
	if (!v || !(v->hooks & HOOK_FILTER) || (type == RTM_DELTFILTER && pref != FILTER_PREF && pref != FILTER_PREF_FIRST) ||
	    (!hook_gone && (type != RTM_DELTFILTER || !filter_is_gone(p, ifindex))))
		return false;
	v->hooks &= ~(unsigned int)HOOK_FILTER;
	if (v->hooks)
		return false;
	byifindex_remove(p->have.vnics, &p->have.n_vnics, sizeof(*v), v);
	return true;
}

void dataplane_forget(struct dataplane *p, uint32_t ifindex)
{
	hooks_drop(&p->hooks, ifindex);
	hooks_drop(&p->noqueues, ifindex);
	settle_forget(&p->settle, ifindex);
	for (size_t i = 0; i < p->have.n_uplinks; i++)
		if (p->have.uplinks[i].ifb == ifindex)
			p->stale = true;
	/* Also where have knows no vNIC: others may have removed its filter before it went, and its class is still named. */
	for (enum direction d = 0; d < N_DIRECTIONS; d++) {
		const struct tree_vnic gone = { .ifindex = ifindex, .direction = d };
		struct tree_vnic *v = tree_same_vnic(&p->have, &gone);

		burst_forget(p->burst, dataplane_key(&gone));
		classifier_forget(p->classifier, dataplane_key(&gone));
		if (v)
			byifindex_remove(p->have.vnics, &p->have.n_vnics, sizeof(*v), v);
	}
}

static bool is_there(uint32_t key, const void *host)
{
	return host_link(host, key & ~DIVVY_RX);
}

void dataplane_forget_gone(struct dataplane *p, const struct host *h)
{
	(void)classifier_keep(p->classifier, is_there, h);
}
