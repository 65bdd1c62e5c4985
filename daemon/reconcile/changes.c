// SPDX-License-Identifier: GPL-2.0-or-later
#include "changes.h"

#include "base/cleanup.h"
#include "base/event.h"

#include <stdlib.h>
#include <string.h>

static bool settles(const struct binding *b)
{
	return !b->bound && b->why.code == REASON_SETTLING;
}

/* A plan as it is told. */
struct told {
	const struct plan *plan;
	uint32_t *ifindex; /* by binding, also where it waits and the vNIC is there; owned; NULL: memory was out */
	const struct repairs *repairs;
};

static struct told tell(const struct plan *p, const struct repairs *repairs)
{
	struct told t = { .plan = p, .repairs = repairs, .ifindex = calloc(p->n_bindings + 1, sizeof(*t.ifindex)) };

	for (size_t i = 0; i < p->tree.n_vnics && t.ifindex; i++)
		t.ifindex[p->tree.vnics[i].binding] = p->tree.vnics[i].ifindex;
	return t;
}

/* The vNIC that counts as bound; 0: it waits. CPU slots need no tree. */
static uint32_t bound_to(const struct told *t, const struct binding *b)
{
	size_t i = (size_t)(b - t->plan->bindings);

	if (b->bound)
		return b->ifindex;
	return t->ifindex && settles(b) && repairs_is_removed(t->repairs, t->ifindex[i]) ? t->ifindex[i] : 0;
}

/* A device, and how it is told of. */
struct subject {
	const struct plan *plan;
	uint32_t node;
	const char *name;
	bool logged;
};

static struct event event_of(const struct subject *s, const struct binding *b, enum event_kind kind)
{
	const struct model *m = &s->plan->model;

	return (struct event){ .kind = kind,
			       .priority = s->logged ? LOG_INFO : EVENT_UNLOGGED,
			       .device = s->name,
			       .uplink = m->nodes[model_uplink_of(m, s->node)].name,
			       .nic = b->nic[0] ? b->nic : NULL };
}

static void tell_binding(const struct subject *s, const struct binding *b)
{
	struct event e = event_of(s, b, b->bound ? EVENT_BIND : EVENT_WAITING);

	if (!b->bound) {
		event_tell(&e, "%s: waiting: %s", s->name, b->why.text);
		return;
	}
	e.direction = direction_names[DIRECTION_TX];
	e.fields[0] = (struct event_field){ "ifindex", NULL, b->ifindex };
	e.fields[1] = (struct event_field){ "vm", b->vm, 0 };
	e.fields[2] = (struct event_field){ "pid", NULL, b->pid };
	event_tell(&e, "%s: bound to %s (ifindex %u)%s%s", s->name, b->nic, b->ifindex, b->vm[0] ? ", VM " : "", b->vm);
}

/* What the vNIC's VM receives. before: what the vNIC was; NULL: not there. One of both is bound. */
static void tell_receiving(const struct subject *s, const struct binding *before, const struct binding *b)
{
	bool was = before && before->bound && before->rx, is = b->bound && b->rx;
	bool hindered = b->bound && !is && b->rx_why.text[0];
	struct event e = event_of(s, b->bound ? b : before, is ? EVENT_BIND : hindered ? EVENT_NOT_DIVIDED : EVENT_UNBIND);

	e.direction = direction_names[DIRECTION_RX];
	if (is && !was) {
		e.fields[0] = (struct event_field){ "ifindex", NULL, b->ifindex };
		event_tell(&e, "%s (rx): what %s receives is divided", s->name, b->nic);
	} else if (hindered && (was || !before || !before->bound || strcmp(before->rx_why.text, b->rx_why.text) != 0)) {
		e.priority = s->logged ? LOG_WARNING : e.priority;
		e.fields[0] = (struct event_field){ "by", b->rx_why.text, 0 };
		event_tell(&e, "%s (rx): what %s receives is not divided: %s", s->name, b->nic, b->rx_why.text);
	} else if (was && !is) {
		event_tell(&e, "%s (rx): what %s receives is no longer divided", s->name, before->nic);
	}
}

/* released: it is there, and no longer divided. */
static void tell_unbinding(const struct subject *s, const struct binding *b, bool released)
{
	struct event e = event_of(s, b, EVENT_UNBIND);

	if (b->rx)
		tell_receiving(s, b, &(struct binding){ 0 });
	e.direction = direction_names[DIRECTION_TX];
	if (b->ifindex)
		e.fields[0] = (struct event_field){ "ifindex", NULL, b->ifindex };
	event_tell(&e, released ? "%s: %s is released" : "%s: %s has gone", s->name, b->nic);
}

/* The same vNIC among those of node; what stands for an only one; NULL: there is none. */
static const struct binding *same_vnic(const struct plan *p, uint32_t node, const struct binding *b, bool only)
{
	uint32_t at = node;

	do {
		if (strcmp(p->bindings[at].nic, b->nic) == 0)
			return &p->bindings[at];
	} while (binding_next(p->bindings, &at));
	return only && !p->bindings[node].next ? &p->bindings[node] : NULL;
}

/* s: of now; before: the same node of was. */
static void tell_device(const struct told *was, uint32_t before, const struct subject *s, const struct told *now)
{
	const struct binding *old = was->plan->bindings, *new = now->plan->bindings;
	const struct subject back = { now->plan, s->node, s->name, false };
	uint32_t at = s->node;

	do {
		const struct binding *b = &new[at], *then = same_vnic(was->plan, before, b, !new[s->node].next);

		if (!then || bound_to(was, then) != bound_to(now, b))
			tell_binding(s, b);
		else if (b->bound && !then->bound) /* the log has had it with the repair; who watches wants to know when it is done */
			tell_binding(&back, b);
		if (b->bound)
			tell_receiving(then && bound_to(was, then) == bound_to(now, b) && !then->bound ? &back : s, then, b);
	} while (binding_next(new, &at));
	at = before;
	do {
		const struct binding *b = &old[at];

		if (bound_to(was, b) && !same_vnic(now->plan, s->node, b, !old[before].next))
			tell_unbinding(s, b, !s->logged);
	} while (binding_next(old, &at));
}

static void tell_new(const struct subject *s)
{
	uint32_t at = s->node;

	do {
		tell_binding(s, &s->plan->bindings[at]);
		if (s->plan->bindings[at].bound)
			tell_receiving(s, NULL, &s->plan->bindings[at]);
	} while (binding_next(s->plan->bindings, &at));
}

/* What a node is among those of one written node, in their order (plan/expand.h). */
static const char *key_of(const struct plan *p, uint32_t i)
{
	const struct node *node = &p->model.nodes[i];

	if (node->instance)
		return node->selector;
	return node->kind == NODE_DEVICE && p->model.nodes[node->parent].others ? node->name : "";
}

/* What stood for a pattern that no vNIC was bound to has not gone when the first comes. */
static void tell_gone(const struct subject *s)
{
	if (key_of(s->plan, s->node)[0])
		tell_unbinding(s, &s->plan->bindings[s->node], false);
}

/* Below 0: node x of a stands before node y of b; 0: they are the same. */
static int compare_nodes(const struct plan *a, uint32_t x, const struct plan *b, uint32_t y)
{
	if (x == a->model.n_nodes || y == b->model.n_nodes)
		return (x == a->model.n_nodes) - (y == b->model.n_nodes);
	if (a->from[x] != b->from[y])
		return a->from[x] < b->from[y] ? -1 : 1;
	return strcmp(key_of(a, x), key_of(b, y));
}

static bool is_still_removed(uint32_t ifindex, const void *arg)
{
	const struct plan *now = arg;
	const struct tree_vnic *v = tree_vnic(&now->tree, ifindex, DIRECTION_TX);

	return v && settles(&now->bindings[v->binding]);
}

void changes_log(const struct plan *was, const struct plan *now, struct repairs *repairs)
{
	struct told before = tell(was, repairs), after = tell(now, repairs);
	char name[MODEL_FULL_NAME_SIZE];

	for (uint32_t i = 0, k = 0; i < now->model.n_nodes || k < was->model.n_nodes;) {
		int r = compare_nodes(now, i, was, k);
		const struct plan *p = r > 0 ? was : now;
		struct subject s = { .plan = p, .node = r > 0 ? k : i, .name = name, .logged = true };

		if (p->model.nodes[s.node].kind == NODE_DEVICE) {
			model_full_name(&p->model, s.node, name);
			if (r > 0)
				tell_gone(&s);
			else if (r < 0)
				tell_new(&s);
			else
				tell_device(&before, k, &s, &after);
		}
		i += r <= 0;
		k += r >= 0;
	}
	repairs_keep_removed(repairs, is_still_removed, now);
	free(before.ifindex);
	free(after.ifindex);
}

/* --- another specification ------------------------------------------------------------------------- */

struct named {
	const struct plan *plan;
	uint32_t node;
	const char *uplink;
	char name[MODEL_FULL_NAME_SIZE];
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int r = strcmp(x->uplink, y->uplink);

	return r ? r : strcmp(x->name, y->name);
}

/* The plan's devices, sorted; the caller's to free. NULL: memory is out. */
static struct named *named_devices(const struct plan *p, size_t *n)
{
	struct named *list = calloc(p->model.n_nodes + 1, sizeof(*list));

	*n = 0;
	for (uint32_t i = 0; list && p->bindings && i < p->model.n_nodes; i++) {
		if (p->model.nodes[i].kind != NODE_DEVICE)
			continue;
		list[*n].plan = p;
		list[*n].node = i;
		list[*n].uplink = p->model.nodes[model_uplink_of(&p->model, i)].name;
		model_full_name(&p->model, i, list[*n].name);
		(*n)++;
	}
	if (list)
		qsort(list, *n, sizeof(*list), compare_named);
	return list;
}

/* All its vNICs that were bound, or whose filter was just to be put back. */
static void tell_released(const struct subject *s)
{
	uint32_t at = s->node;

	do {
		if (s->plan->bindings[at].bound || settles(&s->plan->bindings[at]))
			tell_unbinding(s, &s->plan->bindings[at], true);
	} while (binding_next(s->plan->bindings, &at));
}

void changes_tell(const struct plan *was, const struct plan *now)
{
	static const struct repairs none;
	struct told then = { .plan = was, .repairs = &none }, at_present = { .plan = now, .repairs = &none };
	size_t n_before, n_after;
	_cleanup_free_ struct named *before = named_devices(was, &n_before), *after = named_devices(now, &n_after);

	if (!before || !after)
		return;
	for (size_t i = 0, k = 0; i < n_after || k < n_before;) {
		int r = i == n_after ? 1 : k == n_before ? -1 : compare_named(&after[i], &before[k]);
		const struct named *d = r > 0 ? &before[k] : &after[i];
		const struct subject s = { .plan = d->plan, .node = d->node, .name = d->name };

		if (r > 0)
			tell_released(&s);
		else if (r < 0)
			tell_new(&s);
		else
			tell_device(&then, before[k].node, &s, &at_present);
		i += r <= 0;
		k += r >= 0;
	}
}
