// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * A device that is idle is not looked at. The classifier tells when it sends again (kernel/bpf/abi.h, idle); then it is
 * active, and its class is read soon, and again and again from there on, until it has sent nothing for a window of
 * core/demand.h. core/pace.h says how often, and whether its class is read by itself or with all others. Where the
 * readings say that a demand has changed, the uplink is divided anew (core/follow.h), and what differs goes to the kernel
 * in one batch. The plan's tree has the same then, so that an audit finds what it expects, and so has the data path.
 *
 * A leaf that goes idle gets its limit as its ceiling again.
 */
#include "demandloop.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "commit.h"
#include "core/pace.h"
#include "kernel/net/htb.h"
#include "plan/demands.h"
#include "plan/overlay.h"

#include <errno.h>
#include <string.h>

#define TIMER_ACCURACY_US 500
#define PACKET_MAX 131072           /* bytes; longer are those of a guest that asks for absurd segments */
#define PACKET_LOOKS 16             /* so often the largest packets are read */

struct demandloop {
	struct demandloop_of of;
	sd_event_source *timer, *ring;
	struct demands demands, next; /* of the running plan, and of one that is to be applied */
	bool prepared;
	struct pace pace;
	uint64_t period_ns; /* from the latest look to the next, if no device wakes up; 0: there was no look */
	bool calm;          /* at the latest look no device was backlogged */
	uint64_t due_ns;    /* of the timer; 0: the loop sleeps */
	uint64_t looks;
	bool woken;         /* since then a device has woken up */
};

/* --- the timer ---------------------------------------------------------------------------------- */

static size_t count_active(const struct demandloop *l)
{
	size_t active = 0;

	for (size_t i = 0; i < l->demands.n; i++)
		active += l->demands.uplinks[i].n_active;
	return active;
}

/* No device is backlogged. */
static bool is_calm(const struct demandloop *l)
{
	for (size_t i = 0; i < l->demands.n; i++)
		for (size_t k = 0; k < l->demands.uplinks[i].n_active; k++)
			if (demands_of(&l->demands.uplinks[i], l->demands.uplinks[i].active[k])->backlogged)
				return false;
	return true;
}

static void arm(struct demandloop *l, uint64_t at_ns)
{
	l->due_ns = at_ns;
	sd_event_source_set_time(l->timer, at_ns / NSEC_PER_USEC);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

/* --- who wakes up, and who sleeps --------------------------------------------------------------- */

static void on_woken(uint32_t key, void *arg)
{
	struct demandloop *l = arg;
	const struct tree_vnic *v = tree_vnic(&l->of.running->tree, key & ~DIVVY_RX,
						 key & DIVVY_RX ? DIRECTION_RX : DIRECTION_TX);
	struct demand_uplink *u = v && v->uplink < l->demands.n ? &l->demands.uplinks[v->uplink] : NULL;
	const struct demand_leaf *leaf = u ? demands_leaf(u, v->minor) : NULL;

	if (leaf && demands_wake(u, (size_t)(leaf - u->leaves), clock_now_ns()))
		l->woken = true;
}

static int on_ring(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct demandloop *l = arg;
	uint64_t soon;

	(void)s, (void)fd, (void)revents;
	(void)classifier_read_woken(l->of.plane->classifier, on_woken, l);
	if (!l->woken)
		return 0;
	soon = pace_wake_ns(&l->pace, count_active(l), l->calm, clock_now_ns());
	if (!l->due_ns || soon < l->due_ns)
		arm(l, soon);
	return 0;
}

/* The classifier's key of the binding's vNIC in the uplink's direction; 0: it is not divided there. */
static uint32_t key_of(const struct demand_uplink *u, const struct binding *b)
{
	if (u->direction == DIRECTION_RX)
		return b->bound && b->rx ? b->ifindex | DIVVY_RX : 0;
	return b->bound ? b->ifindex : 0;
}

/* The classifier tells when one of the device's vNICs sends again. False: of one it cannot; one that is gone sends nothing. */
static bool await_packets(struct demandloop *l, const struct demand_uplink *u, uint32_t leaf)
{
	const struct plan *p = l->of.running;
	uint32_t k = u->leaves[leaf].node + (uint32_t)u->first;
	bool all = true;

	do {
		uint32_t key = key_of(u, &p->bindings[k]);
		int err = key ? classifier_await(l->of.plane->classifier, key) : 0;

		all = all && (err >= 0 || err == -ENOENT);
	} while (binding_next(p->bindings, &k));
	return all;
}

/* --- looking ------------------------------------------------------------------------------------ */

static int compare_minor(const void *key, const void *s)
{
	return (int)*(const uint16_t *)key - (int)((const struct htb_stats *)s)->minor;
}

/*
 * What HTB has charged: bytes, and the overhead for each packet that it dequeued (htb_charge_class(), net/sched/sch_htb.c),
 * which the counts of tokens tell, and that of packets does not where the kernel segments. Rates and entitlements are of
 * the same. Their sum begins again after 2^32 packets, as if the class were new.
 */
static uint64_t charged(const struct htb_stats *s, uint16_t overhead)
{
	return s->bytes + (uint64_t)(s->lended + s->borrowed) * overhead;
}

static void take(struct demand_uplink *u, const struct model *m, uint32_t leaf, const struct htb_stats *s, uint64_t now_ns)
{
	const struct node *uplink = &m->nodes[u->first];

	if (demand_look(demands_of(u, leaf), charged(s, uplink->overhead), s->backlog_packets > 0, uplink->limit, now_ns))
		u->due = true;
}

static int read_singly(struct demandloop *l, struct demand_uplink *u, uint32_t ifb)
{
	for (size_t k = 0; k < u->n_active; k++) {
		struct htb_stats s;
		int err = htb_get_stats(l->of.plane->rtnl, ifb, u->leaves[u->active[k]].minor, &s);

		if (err < 0)
			return err;
		take(u, plan_model(l->of.running, u->direction), u->active[k], &s, clock_now_ns());
	}
	return 0;
}

static int read_dump(struct demandloop *l, struct demand_uplink *u, uint32_t ifb)
{
	_cleanup_free_ struct htb_stats *stats = NULL;
	uint64_t now_ns = clock_now_ns();
	size_t n = 0;
	int err = htb_list(l->of.plane->rtnl, ifb, NULL, &stats, &n);

	for (size_t k = 0; k < u->n_active && err >= 0; k++) {
		uint16_t minor = u->leaves[u->active[k]].minor;
		const struct htb_stats *s = n ? bsearch(&minor, stats, n, sizeof(*s), compare_minor) : NULL;

		if (s)
			take(u, plan_model(l->of.running, u->direction), u->active[k], s, now_ns);
	}
	return err;
}

/* The largest packet that was seen from each device. */
static void read_packets(struct demandloop *l, struct demand_uplink *u)
{
	const struct plan *p = l->of.running;

	for (size_t k = 0; k < u->n_active; k++) {
		struct demand *d = demands_of(u, u->active[k]);
		uint32_t node = u->leaves[u->active[k]].node + (uint32_t)u->first;

		do {
			struct divvy_counters c;

			if (!key_of(u, &p->bindings[node]) ||
			    classifier_read(l->of.plane->classifier, key_of(u, &p->bindings[node]), &c) < 0 ||
			    c.largest <= d->packet || d->packet == PACKET_MAX)
				continue;
			d->packet = c.largest > PACKET_MAX ? PACKET_MAX : (uint32_t)c.largest;
			u->due = true;
		} while (binding_next(p->bindings, &node));
	}
}

/* --- what differs goes to the kernel ------------------------------------------------------------ */

static int compare_class(const void *key, const void *c)
{
	return (int)*(const uint16_t *)key - (int)((const struct tree_class *)c)->htb.minor;
}

/* The leaf's class has changed in the plan's tree: tell the kernel, and the data path. */
static int send_class(struct dataplane *p, struct tree_uplink *have, const struct tree_class *c)
{
	struct tree_class *there = have->n_classes ? bsearch(&c->htb.minor, have->classes, have->n_classes,
							     sizeof(*there), compare_class) :
						     NULL;
	int err = there ? htb_class_change(p->rtnl, have->ifb, &c->htb, op_tag(OP_CLASS, c->htb.minor)) : -ENOENT;

	if (err >= 0)
		overlay_copy(there, c);
	return err;
}

static int flush(struct dataplane *p, int err)
{
	char errtext[200];

	if (err >= 0)
		err = commit(p->rtnl, NULL, NULL, errtext, sizeof(errtext));
	rtnl_discard(p->rtnl);
	if (err < 0)
		p->stale = true; /* another program was faster: reconcile.h sees to it */
	return err;
}

/* Idle devices keep their ceilings. */
static int put_to_sleep(struct demandloop *l, size_t uplink, struct tree_uplink *have)
{
	struct demand_uplink *u = &l->demands.uplinks[uplink];
	struct tree_uplink *t = &l->of.running->tree.uplinks[uplink];
	int err = 0;

	for (size_t k = u->n_active; k-- > 0 && err >= 0;) {
		uint32_t leaf = u->active[k];
		struct tree_class *c = &t->classes[u->leaves[leaf].class];

		/* Who cannot be waited for is looked at as before. */
		if (!demand_is_idle(demands_of(u, leaf)) || !await_packets(l, u, leaf))
			continue;
		if (overlay_rest(c))
			err = send_class(l->of.plane, have, c);
		demands_sleep(u, k);
	}
	return err;
}

static int divide(struct demandloop *l, size_t uplink, struct tree_uplink *have)
{
	struct demand_uplink *u = &l->demands.uplinks[uplink];
	struct tree_uplink *t = &l->of.running->tree.uplinks[uplink];
	int err = demands_divide(u, plan_model(l->of.running, u->direction));

	for (size_t k = 0; k < u->n_active && err >= 0; k++) {
		const struct demand_leaf *leaf = &u->leaves[u->active[k]];
		struct tree_class *c = &t->classes[leaf->class];

		if (overlay_set(c, l->of.sizing, &u->now[leaf->node]))
			err = send_class(l->of.plane, have, c);
	}
	return err;
}

static int look_at(struct demandloop *l, size_t uplink, bool packets)
{
	struct demand_uplink *u = &l->demands.uplinks[uplink];
	struct tree_uplink *have = tree_uplink(&l->of.plane->have, u->name, u->direction);
	int err;

	if (!u->n_active || !have)
		return 0;
	err = pace_singly(u->n_active, u->n_leaves) ? read_singly(l, u, have->ifb) : read_dump(l, u, have->ifb);
	if (packets && err >= 0)
		read_packets(l, u);
	if (err >= 0)
		err = put_to_sleep(l, uplink, have);
	if (err >= 0 && u->due)
		err = divide(l, uplink, have);
	if (err >= 0)
		promises_look(l->of.promises, l->of.running, u, l->period_ns);
	return err;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct demandloop *l = arg;
	bool packets = l->woken || l->looks++ % PACKET_LOOKS == 0;
	uint64_t begun = clock_now_ns(), cpu = clock_thread_cpu_ns();
	size_t active;
	int err = 0;

	(void)s, (void)usec;
	l->due_ns = 0;
	l->woken = false;
	for (size_t i = 0; i < l->demands.n && err >= 0 && !l->of.plane->stale; i++)
		err = look_at(l, i, packets);
	if (rtnl_pending(l->of.plane->rtnl) || err < 0)
		(void)flush(l->of.plane, err);
	pace_looked(&l->pace, begun, clock_thread_cpu_ns() - cpu);
	active = count_active(l);
	l->calm = is_calm(l);
	l->period_ns = active ? pace_period_ns(&l->pace, active, l->calm) : 0;
	if (active)
		arm(l, begun + l->period_ns);
	return 0;
}

/* --- plans -------------------------------------------------------------------------------------- */

int demandloop_prepare(struct demandloop *l, struct plan *p)
{
	struct demands next;
	int err = demands_make(p, &l->demands, l->of.sizing, &next);

	if (err < 0)
		return err;
	demands_free(&l->next);
	l->next = next;
	l->prepared = true;
	return 0;
}

void demandloop_switch(struct demandloop *l)
{
	if (!l->prepared)
		return;
	demands_free(&l->demands);
	l->demands = l->next;
	l->next = (struct demands){ 0 };
	l->prepared = false;
}

int demandloop_rest(struct demandloop *l)
{
	int err = 0;

	for (size_t i = 0; i < l->of.running->tree.n_uplinks && err >= 0 && !l->of.plane->stale; i++) {
		struct tree_uplink *t = &l->of.running->tree.uplinks[i];
		struct tree_uplink *have = tree_uplink(&l->of.plane->have, t->name, t->direction);

		for (size_t k = 0; k < t->n_classes && have && err >= 0; k++)
			if (t->classes[k].htb.leaf && t->classes[k].node != NODE_NONE && overlay_rest(&t->classes[k]))
				err = send_class(l->of.plane, have, &t->classes[k]);
	}
	return flush(l->of.plane, err);
}

/* --- open and close ----------------------------------------------------------------------------- */

int demandloop_open(struct demandloop **ret, sd_event *event, const struct demandloop_of *of)
{
	struct demandloop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->of = *of;
	r = sd_event_add_time(event, &l->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, l);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(event, &l->ring, classifier_woken_fd(of->plane->classifier), EPOLLIN, on_ring, l);
	if (r < 0) {
		demandloop_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct demandloop *demandloop_close(struct demandloop *l)
{
	if (!l)
		return NULL;
	sd_event_source_disable_unref(l->timer);
	sd_event_source_disable_unref(l->ring);
	demands_free(&l->demands);
	demands_free(&l->next);
	free(l);
	return NULL;
}
