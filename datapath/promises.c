// SPDX-License-Identifier: GPL-2.0-or-later
#include "promises.h"

#include "base/cleanup.h"
#include "base/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void uplinks_free(struct promise_uplink *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].list);
		free(list[i].active);
		free(list[i].before);
	}
	free(list);
}

void promises_free(struct promises *p)
{
	uplinks_free(p->uplinks, p->n);
	*p = (struct promises){ 0 };
}

static struct promise_uplink *find(struct promise_uplink *list, size_t n, const char *name, enum direction direction)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].direction == direction && strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

/* --- plans -------------------------------------------------------------------------------------- */

struct named {
	char name[MODEL_FULL_NAME_SIZE];
	uint32_t node;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The nodes below an uplink, sorted by their full names. NULL: memory is out. The caller's to free. */
static struct named *sorted(const struct model *m, size_t first, size_t n)
{
	struct named *list = calloc(n + 1, sizeof(*list));

	for (size_t i = 1; i < n && list; i++) {
		model_full_name(m, (uint32_t)(first + i), list[i - 1].name);
		list[i - 1].node = (uint32_t)i;
	}
	if (list && n > 1)
		qsort(list, n - 1, sizeof(*list), compare_named);
	return list;
}

/* A class with another number counts from the start, and nothing was read of it. */
static void keep(struct promise *to, const struct promise *from, bool same_class)
{
	*to = *from;
	if (same_class)
		return;
	to->known = false;
	conform_sleep(&to->conform);
}

/* Whether the same devices and networks stand at the same places: then nothing has to be sorted. */
static bool same_names(const struct model *a, size_t first_a, const struct model *b, size_t first_b, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct node *x = &a->nodes[first_a + i], *y = &b->nodes[first_b + i];

		if (x->kind != y->kind || x->parent - first_a != y->parent - first_b || x->instance != y->instance ||
		    strcmp(x->name, y->name) != 0 || (x->instance && strcmp(x->selector, y->selector) != 0))
			return false;
	}
	return true;
}

static void keep_node(struct promise_uplink *u, const struct plan *now, uint32_t node, const struct promise_uplink *before,
		      const struct plan *was, uint32_t then)
{
	keep(&u->list[node], &before->list[then], now->minors[u->first + node] == was->minors[before->first + then]);
}

static int carry_by_name(struct promise_uplink *u, const struct plan *now, const struct promise_uplink *before,
			 const struct plan *was)
{
	_cleanup_free_ struct named *old = sorted(&was->model, before->first, before->n),
				    *new = sorted(&now->model, u->first, u->n);

	if (!old || !new)
		return -ENOMEM;
	for (size_t i = 0, k = 0; i + 1 < u->n && k + 1 < before->n;) {
		int r = compare_named(&new[i], &old[k]);

		if (r == 0)
			keep_node(u, now, new[i].node, before, was, old[k].node);
		i += r <= 0;
		k += r >= 0;
	}
	return 0;
}

static int carry_over(struct promise_uplink *u, const struct plan *now, const struct promise_uplink *before,
		      const struct plan *was)
{
	u->look = before->look;
	u->changed_ns = before->changed_ns;
	if (u->n != before->n || !same_names(&now->model, u->first, &was->model, before->first, u->n))
		return carry_by_name(u, now, before, was);
	for (uint32_t i = 1; i < u->n; i++)
		keep_node(u, now, i, before, was, i);
	return 0;
}

static int make_uplink(struct promise_uplink *u, const struct plan *now, const struct tree_uplink *t)
{
	memcpy(u->name, t->name, sizeof(u->name));
	u->direction = t->direction;
	u->first = t->node;
	u->n = model_uplink_end(&now->model, t->node) - t->node;
	u->list = calloc(u->n + 1, sizeof(*u->list));
	u->active = calloc(u->n + 1, sizeof(*u->active));
	u->before = calloc(u->n + 1, sizeof(*u->before));
	return u->list && u->active && u->before ? 0 : -ENOMEM;
}

int promises_follow(struct promises *p, const struct plan *was, const struct plan *now)
{
	struct promise_uplink *list = calloc(now->tree.n_uplinks + 1, sizeof(*list));
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < now->tree.n_uplinks && err >= 0; i++) {
		const struct tree_uplink *t = &now->tree.uplinks[i];
		const struct promise_uplink *before = find(p->uplinks, p->n, t->name, t->direction);

		err = make_uplink(&list[i], now, t);
		if (err >= 0 && before && was->bindings)
			err = carry_over(&list[i], now, before, was);
	}
	uplinks_free(p->uplinks, p->n);
	p->uplinks = list;
	p->n = list ? now->tree.n_uplinks : 0;
	if (err < 0)
		promises_free(p);
	return err;
}

void promises_change(struct promises *p, uint64_t now_ns)
{
	for (size_t i = 0; i < p->n; i++) {
		p->uplinks[i].changed_ns = now_ns;
		for (size_t k = 0; k < p->uplinks[i].n; k++)
			conform_change(&p->uplinks[i].list[k].conform, now_ns);
	}
}

/* --- what is told ------------------------------------------------------------------------------- */

static bool may_log(struct promises *p, uint64_t now_ns)
{
	if (!p->lines_ns || now_ns - p->lines_ns >= PROMISES_LINES_NS) {
		p->lines_ns = now_ns;
		p->lines = 0;
	}
	return p->lines++ < PROMISES_LINES;
}

static void tell_violation(struct promises *p, const struct model *m, const struct promise_uplink *u, uint32_t node,
			   bool reserve, uint64_t now_ns)
{
	struct promise *w = &u->list[node];
	uint64_t *told_ns = reserve ? &w->missed.told_ns : &w->below.told_ns;
	uint32_t *untold = reserve ? &w->missed.untold : &w->below.untold;
	const struct conform *c = &w->conform;
	char name[MODEL_FULL_NAME_SIZE], more[48] = "";
	struct event e = { .kind = EVENT_VIOLATION, .device = name, .uplink = u->name, .direction = direction_names[u->direction] };

	++*untold;
	if (*told_ns && now_ns - *told_ns < PROMISES_TELL_NS)
		return;
	e.priority = may_log(p, now_ns) ? LOG_WARNING : EVENT_UNLOGGED;
	e.fields[0] = (struct event_field){ "of", reserve ? "reserve" : "entitlement", 0 };
	e.fields[1] = (struct event_field){ "delivered_bps", NULL, (int64_t)rate_bits(c->violation.got) };
	e.fields[2] = (struct event_field){ "due_bps", NULL, (int64_t)rate_bits(c->violation.due) };
	e.fields[3] = (struct event_field){ "window_ms", NULL, (int64_t)(c->violation.over_ns / NSEC_PER_MSEC) };
	e.fields[4] = (struct event_field){ "count", NULL, *untold };
	if (*untold > 1)
		snprintf(more, sizeof(more), "; %u times since the latest line", *untold);
	event_tell(&e, "%s%s: got %.4g Mbit/s for %.3g s, and %s %.4g Mbit/s%s%s",
		   model_full_name(m, (uint32_t)(u->first + node), name), direction_note(u->direction), (double)rate_bits(c->violation.got) / 1e6,
		   (double)c->violation.over_ns / 1e9, reserve ? "has" : "is entitled to",
		   (double)rate_bits(c->violation.due) / 1e6, reserve ? " reserved" : "", more);
	*told_ns = now_ns;
	*untold = 0;
}

/* When the last of those that have been sending since the change has settled, all have. */
static void tell_settled(struct promise_uplink *u)
{
	struct event e = { .kind = EVENT_SETTLED, .priority = EVENT_UNLOGGED, .uplink = u->name, .direction = direction_names[u->direction] };
	uint64_t last = u->changed_ns;
	size_t n = 0;

	if (!u->changed_ns || !u->n_active)
		return;
	for (size_t k = 0; k < u->n_active; k++) {
		const struct conform *c = &u->list[u->active[k]].conform;

		if (c->settling)
			return;
		if (c->changed_ns == u->changed_ns && c->settled_ns)
			n++;
		last = c->settled_ns > last ? c->settled_ns : last;
	}
	if (!n)
		return;
	last -= u->changed_ns;
	u->changed_ns = 0;
	e.fields[0] = (struct event_field){ "after_ms", NULL, (int64_t)(last / NSEC_PER_MSEC) };
	e.fields[1] = (struct event_field){ "nodes", NULL, (int64_t)n };
	event_tell(&e, "%s%s: settled %.3g s after the change", u->name, direction_note(u->direction), (double)last / 1e9);
}

/* --- looks -------------------------------------------------------------------------------------- */

static void read_node(struct promises *p, const struct model *m, struct promise_uplink *u, uint32_t node,
		      const struct conform_reading *r)
{
	unsigned int news = conform_read(&u->list[node].conform, r);

	/* Where both are shown, conform has what the entitlement was, which came last. */
	if (news & CONFORM_BELOW)
		tell_violation(p, m, u, node, false, r->now_ns);
	else if (news & CONFORM_RESERVE_MISSED)
		tell_violation(p, m, u, node, true, r->now_ns);
}

/* True: it is the node's first reading in this look. */
static bool is_first(struct promise_uplink *u, uint32_t node)
{
	if (u->list[node].look == u->look)
		return false;
	u->list[node].look = u->look;
	u->active[u->n_active++] = node;
	return true;
}

/* What a device has sent counts for the networks above it. */
static void add_to_networks(const struct model *m, struct promise_uplink *u, uint32_t node, uint64_t sent,
			    const struct demand *d)
{
	for (size_t up = m->nodes[u->first + node].parent; up != u->first; up = m->nodes[up].parent) {
		struct promise *net = &u->list[up - u->first];

		if (is_first(u, (uint32_t)(up - u->first))) {
			net->backlogged = false;
			net->packet = 0;
		}
		net->sent += sent;
		net->backlogged |= d->backlogged;
		net->at_ns = d->at_ns > net->at_ns ? d->at_ns : net->at_ns;
		net->packet = d->packet > net->packet ? d->packet : net->packet;
	}
}

static void look_device(struct promises *p, const struct model *m, struct promise_uplink *u, const struct demand_uplink *of,
			uint32_t node)
{
	const struct demand *d = &of->d[node];
	struct promise *dev = &u->list[node];
	const struct conform_reading r = { .now_ns = d->at_ns,
					   .bytes = d->bytes,
					   .backlogged = d->backlogged,
					   .entitled = of->entitled[node],
					   .reserve = m->nodes[u->first + node].reserve,
					   .capacity = m->nodes[u->first].limit,
					   .apart_ns = u->apart_ns,
					   .packet = d->packet };

	if (!d->at_ns)
		return;
	(void)is_first(u, node);
	add_to_networks(m, u, node, dev->known && d->bytes >= dev->sent ? d->bytes - dev->sent : 0, d);
	dev->sent = d->bytes;
	dev->known = true;
	read_node(p, m, u, node, &r);
}

static void look_network(struct promises *p, const struct model *m, struct promise_uplink *u, const struct demand_uplink *of,
			 uint32_t node)
{
	const struct promise *net = &u->list[node];
	const struct conform_reading r = { .now_ns = net->at_ns,
					   .bytes = net->sent,
					   .backlogged = net->backlogged,
					   .entitled = of->entitled[node],
					   .reserve = m->nodes[u->first + node].reserve,
					   .capacity = m->nodes[u->first].limit,
					   .apart_ns = u->apart_ns,
					   .packet = net->packet };

	read_node(p, m, u, node, &r);
}

/* What was read at the look before and not at this one is idle. */
static void sleep_others(struct promise_uplink *u)
{
	for (size_t k = 0; k < u->n_before; k++)
		if (u->list[u->before[k]].look != u->look)
			conform_sleep(&u->list[u->before[k]].conform);
}

void promises_look(struct promises *p, const struct plan *plan, const struct demand_uplink *of, uint64_t apart_ns)
{
	const struct model *m = plan_model(plan, of->direction);
	struct promise_uplink *u = find(p->uplinks, p->n, of->name, of->direction);
	uint32_t *swap;

	if (!u || u->n != of->n || u->first != of->first)
		return;
	swap = u->before;
	u->before = u->active;
	u->n_before = u->n_active;
	u->active = swap;
	u->n_active = 0;
	u->look++;
	u->apart_ns = apart_ns;
	for (size_t k = 0; k < of->n_active; k++)
		look_device(p, m, u, of, of->leaves[of->active[k]].node);
	for (size_t k = 0, n = u->n_active; k < n; k++)
		if (m->nodes[u->first + u->active[k]].kind == NODE_NETWORK)
			look_network(p, m, u, of, u->active[k]);
	sleep_others(u);
	tell_settled(u);
}

const struct conform *promises_of(const struct promises *p, uint32_t node, enum direction direction)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct promise_uplink *u = &p->uplinks[i];

		if (u->direction == direction && node >= u->first && node - u->first < u->n)
			return u->list[node - u->first].look ? &u->list[node - u->first].conform : NULL;
	}
	return NULL;
}
