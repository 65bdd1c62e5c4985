// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * A look dumps the classes of every uplink where something drains. A class that holds no packet and is no
 * class's parent is deleted; a network's class goes in the look after that of its devices. Where the whole
 * uplink drains, the root qdisc alone is asked what waits, and its IFB is deleted once that is nothing: all classes go
 * with it, which costs the kernel a fraction of deleting them one by one (net/sched/sch_api.c, tc_bind_tclass(), walks
 * all classes for each).
 *
 * The next look comes LOOK_NS after this one, or later: looks take at most a tenth of divvyd's time.
 */
#include "drain.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "commit.h"
#include "kernel/net/htb.h"
#include "kernel/net/link.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <string.h>

#define LOOK_NS (10 * NSEC_PER_MSEC)
#define REST_FACTOR 10
#define TIMER_ACCURACY_US 1000

struct waiter {
	struct waiter *next;
	void (*done)(int err, void *arg);
	void *arg;
};

static void tell_waiters(struct drain *d, int err)
{
	struct waiter *list = TAKE_PTR(d->waiters), *next;

	for (; list; list = next) {
		next = list->next;
		list->done(err, list->arg);
		free(list);
	}
}

static bool drains(const struct tree_uplink *u)
{
	for (size_t i = 0; i < u->n_classes; i++)
		if (u->classes[i].drains)
			return true;
	return u->drains;
}

bool drain_is_done(const struct drain *d)
{
	for (size_t i = 0; i < d->plane->have.n_uplinks; i++)
		if (drains(&d->plane->have.uplinks[i]))
			return false;
	return true;
}

/* Delete what is empty, from the kernel and from *u. */
static int delete_empty(struct rtnl *r, struct tree_uplink *u, const struct minor_set *busy)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < u->n_classes; i++) {
		struct tree_class *c = &u->classes[i];

		if (err >= 0 && c->drains && !minor_set_has(busy, c->htb.minor))
			err = htb_class_del(r, u->ifb, c->htb.minor, op_tag(OP_CLASS, c->htb.minor));
		else
			u->classes[kept++] = *c;
	}
	u->n_classes = kept;
	return err;
}

/* One look at an uplink that goes as a whole. 1: its IFB goes; 0; negative errno. */
static int look_at_all(struct rtnl *r, uint32_t ifb)
{
	struct qdisc root = { 0 };
	int err = qdisc_root(r, ifb, &root);

	/* Gone with its root or as a whole: nothing waits. */
	return err == -ENODEV || err == -ENOENT ? 1 : err < 0 ? err : root.backlog_packets == 0;
}

/* One look at an uplink of which classes go. 0 or negative errno. */
static int look_at(struct rtnl *r, struct tree_uplink *u)
{
	_cleanup_free_ struct htb_stats *stats = NULL;
	_cleanup_free_ struct minor_set *busy = calloc(1, sizeof(*busy));
	size_t n = 0;
	int err = busy ? htb_list(r, u->ifb, NULL, &stats, &n) : -ENOMEM;

	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (stats[i].parent)
			minor_set_add(busy, stats[i].parent);
		if (stats[i].backlog_packets > 0)
			minor_set_add(busy, stats[i].minor);
	}
	return delete_empty(r, u, busy);
}

static void remove_uplink(struct tree *have, size_t at)
{
	struct tree_uplink *u = &have->uplinks[at];

	free(u->classes);
	memmove(u, u + 1, (have->n_uplinks - at - 1) * sizeof(*u));
	have->n_uplinks--;
	for (size_t i = 0; i < have->n_vnics; i++)
		have->vnics[i].uplink -= have->vnics[i].uplink > at;
}

static int look(struct dataplane *p)
{
	struct rtnl_failure fail;

	for (size_t i = p->have.n_uplinks; i-- > 0;) {
		struct tree_uplink *u = &p->have.uplinks[i];
		int r = u->drains ? look_at_all(p->rtnl, u->ifb) : drains(u) ? look_at(p->rtnl, u) : 0;

		if (r > 0)
			r = link_del(p->rtnl, u->ifb, op_tag(OP_IFB, 0));
		else if (r == 0)
			continue;
		if (r < 0) {
			rtnl_discard(p->rtnl);
			p->stale = p->half_done = true;
			return r;
		}
		remove_uplink(&p->have, i);
	}
	/* A class that others use, or that is gone: have is not to be trusted. */
	if (rtnl_commit(p->rtnl, &fail, 1) != 0)
		p->stale = p->half_done = true;
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct drain *d = arg;
	uint64_t start = clock_now_ns(), took;

	(void)s, (void)usec;
	(void)look(d->plane); /* what fails is stale, and is observed anew before the next apply() */
	if (drain_is_done(d)) {
		tell_waiters(d, 0);
		return 0;
	}
	took = REST_FACTOR * (clock_now_ns() - start);
	sd_event_source_set_time_relative(d->timer, (took > LOOK_NS ? took : LOOK_NS) / NSEC_PER_USEC);
	sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
	return 0;
}

int drain_open(struct drain *d, sd_event *event, struct dataplane *plane)
{
	int r;

	*d = (struct drain){ .plane = plane };
	r = sd_event_add_time_relative(event, &d->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, d);
	return r < 0 ? r : sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
}

void drain_close(struct drain *d)
{
	tell_waiters(d, -ECANCELED);
	d->timer = sd_event_source_disable_unref(d->timer);
}

void drain_start(struct drain *d)
{
	int enabled = SD_EVENT_OFF;

	if (!d->timer || drain_is_done(d))
		return;
	sd_event_source_get_enabled(d->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(d->timer, LOOK_NS / NSEC_PER_USEC);
	sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

int drain_wait(struct drain *d, void (*done)(int err, void *arg), void *arg)
{
	struct waiter *w;

	if (drain_is_done(d)) {
		done(0, arg);
		return 0;
	}
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct waiter){ .next = d->waiters, .done = done, .arg = arg };
	d->waiters = w;
	return 0;
}
