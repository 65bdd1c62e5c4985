// SPDX-License-Identifier: GPL-2.0-or-later
#include "changes.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

static bool settles(const struct binding *b)
{
	return !b->bound && b->why.code == REASON_SETTLING;
}

/* Its filter was removed, and is put back after a pause: look.c has said so, and says it once a minute only. */
static bool is_repair(const struct repairs *repairs, const char *name, const struct binding *was,
		      const struct binding *now)
{
	struct repairs_sum sum;

	if (!(was->bound && settles(now)) && !(settles(was) && now->bound))
		return false;
	repairs_sum(repairs, name, clock_now_ns(), &sum);
	return sum.last_minute > 0;
}

static void log_binding(const char *name, const struct binding *b)
{
	if (b->bound)
		log_info("%s: bound to %s (ifindex %u)%s%s", name, b->nic, b->ifindex, b->vm[0] ? ", VM " : "",
			 b->vm);
	else
		log_info("%s: waiting: %s", name, b->why.text);
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

/* node: of now; before: the same node of was. */
static void log_device(const struct plan *was, uint32_t before, const struct plan *now, uint32_t node,
		       const struct repairs *repairs)
{
	bool only = !now->bindings[node].next;
	char name[MODEL_FULL_NAME_SIZE];
	uint32_t at = node;

	model_full_name(&now->model, node, name);
	do {
		const struct binding *b = &now->bindings[at], *then = same_vnic(was, before, b, only);

		if (then && then->bound == b->bound && then->ifindex == b->ifindex)
			continue;
		if (!then || !is_repair(repairs, name, then, b))
			log_binding(name, b);
	} while (binding_next(now->bindings, &at));
	at = before;
	do {
		const struct binding *b = &was->bindings[at];

		if (b->bound && !same_vnic(now, node, b, !was->bindings[before].next))
			log_info("%s: %s has gone", name, b->nic);
	} while (binding_next(was->bindings, &at));
}

static void log_new(const struct plan *now, uint32_t node)
{
	char name[MODEL_FULL_NAME_SIZE];
	uint32_t at = node;

	model_full_name(&now->model, node, name);
	do
		log_binding(name, &now->bindings[at]);
	while (binding_next(now->bindings, &at));
}

static void log_gone(const struct plan *was, uint32_t node)
{
	char name[MODEL_FULL_NAME_SIZE];

	/* A pattern's device that nothing was like. */
	if (was->bindings[node].why.code != REASON_NO_MATCH)
		log_info("%s: %s has gone", model_full_name(&was->model, node, name), was->bindings[node].nic);
}

/* What a node is among those of one written node, in their order (plan/expand.h). */
static const char *key_of(const struct plan *p, uint32_t i)
{
	const struct node *node = &p->model.nodes[i];

	if (node->instance)
		return node->selector;
	return node->kind == NODE_DEVICE && p->model.nodes[node->parent].others ? node->name : "";
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

void changes_log(const struct plan *was, const struct plan *now, const struct repairs *repairs)
{
	for (uint32_t i = 0, k = 0; i < now->model.n_nodes || k < was->model.n_nodes;) {
		int r = compare_nodes(now, i, was, k);

		if (r > 0 && was->model.nodes[k].kind == NODE_DEVICE)
			log_gone(was, k);
		else if (r < 0 && now->model.nodes[i].kind == NODE_DEVICE)
			log_new(now, i);
		else if (r == 0 && now->model.nodes[i].kind == NODE_DEVICE)
			log_device(was, k, now, i, repairs);
		i += r <= 0;
		k += r >= 0;
	}
}
