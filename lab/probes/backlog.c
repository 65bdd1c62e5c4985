/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "backlog.h"

#include "base/cleanup.h"
#include "kernel/net/filter.h"
#include "kernel/net/htb.h"
#include "kernel/net/link.h"
#include "lab/schedulers/peer.h"

#include <errno.h>

struct class_of {
	uint32_t ifindex; /* 0: none */
	uint16_t minor;
	struct backlog_count count;
};

struct backlog {
	const struct topo *topo; /* borrowed */
	size_t n;
	struct rtnl *rtnl; /* in the host's namespace */
	struct class_of of[TOPO_VMS_MAX];
};

int backlog_open(const struct topo *t, size_t n_vms, struct backlog **ret)
{
	struct backlog *b = calloc(1, sizeof(*b));
	int r, back;

	if (!b)
		return -ENOMEM;
	b->topo = t;
	b->n = n_vms;
	r = netns_enter(t->host, &back);
	if (r == 0) {
		r = rtnl_open(&b->rtnl);
		netns_leave(back);
	}
	if (r < 0) {
		backlog_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

struct backlog *backlog_close(struct backlog *b)
{
	if (b)
		rtnl_close(b->rtnl);
	free(b);
	return NULL;
}

/* divvy's filter at the tap names the class and leads to the device that has it. */
static void find_divvys(struct backlog *b, size_t vm)
{
	_cleanup_free_ struct filter *f = NULL;
	struct link tap;
	size_t n = 0;

	if (link_get(b->rtnl, b->topo->vm[vm].tap, &tap) < 0 || filter_list(b->rtnl, tap.ifindex, &f, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (f[i].ours) {
			b->of[vm].ifindex = f[i].redirect;
			b->of[vm].minor = (uint16_t)f[i].classid;
		}
}

static void find_administrators(struct backlog *b, size_t vm)
{
	struct link up;

	if (link_get(b->rtnl, b->topo->uplink, &up) < 0)
		return;
	b->of[vm].ifindex = up.ifindex;
	b->of[vm].minor = administrator_minor(vm);
}

void backlog_reset(struct backlog *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->of[i].count = (struct backlog_count){};
}

void backlog_find(struct backlog *b, enum scheduler_queues where)
{
	for (size_t i = 0; i < b->n; i++) {
		b->of[i].ifindex = 0;
		if (where == QUEUES_DIVVY)
			find_divvys(b, i);
		else if (where == QUEUES_UPLINK)
			find_administrators(b, i);
	}
}

static void count(struct class_of *c, const struct htb_stats *s, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (s[k].minor == c->minor) {
			c->count.samples++;
			c->count.empty += s[k].backlog_packets == 0;
		}
}

void backlog_sample(struct backlog *b)
{
	_cleanup_free_ struct htb_stats *s = NULL;
	uint32_t ifindex = 0;
	size_t n = 0;

	/* All classes of a run stand under one qdisc. */
	for (size_t i = 0; i < b->n && !ifindex; i++)
		ifindex = b->of[i].ifindex;
	if (!ifindex || htb_list(b->rtnl, ifindex, NULL, &s, &n) < 0)
		return;
	for (size_t i = 0; i < b->n; i++)
		if (b->of[i].ifindex == ifindex)
			count(&b->of[i], s, n);
}

struct backlog_count backlog_get(const struct backlog *b, size_t vm)
{
	return b->of[vm].count;
}
