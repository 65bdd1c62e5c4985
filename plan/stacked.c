// SPDX-License-Identifier: GPL-2.0-or-later
#include "stacked.h"

#include "base/cleanup.h"
#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names in a line: so many, and how many more. */
#define NAMES_MAX 4

/* An uplink with what it stands on. */
struct stack {
	uint32_t node;
	const struct link *links[PORTS_MAX]; /* the uplink first */
	size_t n;
	const struct link *ports[PORTS_MAX]; /* of links: those that stand on nothing */
	size_t n_ports;
	size_t group; /* the first stack that it has a port in common with, also by way of others */
};

static bool is_in(const struct link *l, const struct link *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == l)
			return true;
	return false;
}

static void fill(const struct host *h, const struct link *l, struct stack *s)
{
	s->n = ports_of(h, l, s->links);
	s->n_ports = 0;
	for (size_t i = 0; i < s->n; i++) {
		bool stands = false;

		for (size_t k = 0; k < s->n && !stands; k++)
			stands = k != i && port_is_below(s->links[i], s->links[k]);
		if (!stands)
			s->ports[s->n_ports++] = s->links[i];
	}
}

static bool meet(const struct stack *a, const struct stack *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		if (is_in(a->ports[i], b->ports, b->n_ports))
			return true;
	return false;
}

static void join(struct stack *all, size_t n, size_t one, size_t other)
{
	size_t from = all[one].group, to = all[other].group;

	for (size_t i = 0; i < n && from != to; i++)
		if (all[i].group == (from > to ? from : to))
			all[i].group = from > to ? to : from;
}

/* The uplinks that are there and, where receiving is meant, divide it. */
static int read_stacks(const struct plan *p, const struct host *h, const bool *part, struct stack **list, size_t *n)
{
	const struct model *m = &p->model;
	size_t uplinks = 0;

	for (size_t i = 0; i < m->n_nodes; i = model_end(m, i))
		uplinks++;
	*list = calloc(uplinks + 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes && uplinks > 1; i = model_end(m, i)) {
		const struct binding *b = &p->bindings[i];
		const struct link *l = b->bound && part[i] ? host_link(h, b->ifindex) : NULL;
		struct stack *s = &(*list)[*n];

		if (!l)
			continue;
		*s = (struct stack){ .node = (uint32_t)i, .group = *n };
		fill(h, l, s);
		++*n;
		for (size_t k = 0; k + 1 < *n; k++)
			if (meet(s, &(*list)[k]))
				join(*list, *n, *n - 1, k);
	}
	return 0;
}

/* A group of uplinks. */
struct group {
	const struct model *m;
	const struct stack *all;
	size_t n, first, members;
	uint64_t capacity; /* of all together, bits per second */
};

/* Whether all ports of the group are below l, whose own ports are in *s. */
static bool covers(const struct group *g, const struct stack *s)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->all[i].n_ports && g->all[i].group == g->first; k++)
			if (!is_in(g->all[i].ports[k], s->ports, s->n_ports))
				return false;
	return true;
}

/* What the lowest interface that is below all of them tells. NULL: none tells its speed. */
static const struct link *by_speed(const struct group *g, const struct host *h, uint64_t (*speed)(const struct link *l),
				   uint64_t *bits_ps)
{
	const struct link *found = NULL;
	size_t lowest = SIZE_MAX;

	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->all[i].n && g->all[i].group == g->first; k++) {
			const struct link *l = g->all[i].links[k];
			struct stack s;
			uint64_t tells;

			fill(h, l, &s);
			if (s.n >= lowest || !covers(g, &s))
				continue;
			tells = speed(l);
			if (!tells)
				continue;
			lowest = s.n;
			found = l;
			*bits_ps = tells;
		}
	return found;
}

/* Whether one of the two uplinks stands on the other. */
static bool are_stacked(const struct stack *a, const struct stack *b)
{
	return is_in(a->links[0], b->links, b->n) || is_in(b->links[0], a->links, a->n);
}

/* The uplink that all others stand on, or that stands on them as a bond does. NULL: there is none. */
static const struct link *by_capacity(const struct group *g, uint64_t *bits_ps)
{
	const struct stack *found = NULL;

	for (size_t i = 0; i < g->n; i++) {
		const struct stack *s = &g->all[i];
		bool all = s->group == g->first && covers(g, s) && (!found || s->n < found->n);

		for (size_t k = 0; k < g->n && all; k++)
			all = g->all[k].group != g->first || are_stacked(s, &g->all[k]);
		if (all)
			found = s;
	}
	if (!found)
		return NULL;
	*bits_ps = rate_bits(g->m->nodes[found->node].limit);
	return found->links[0];
}

static void name_all(const struct group *g, char *text, size_t size)
{
	size_t at = 0, named = 0;

	text[0] = '\0';
	for (size_t i = 0; i < g->n && named < NAMES_MAX; i++) {
		const struct node *node = &g->m->nodes[g->all[i].node];

		if (g->all[i].group != g->first)
			continue;
		named++;
		at += (size_t)snprintf(text + at, size - at, "%s%s (%.6g Mbit/s)",
				       named == 1 ? "" : named == g->members ? " and " : ", ", node->name,
				       (double)rate_bits(node->limit) / 1e6);
	}
	if (named < g->members)
		snprintf(text + at, size - at, " and %zu more", g->members - named);
}

static int tell(const struct group *g, const struct host *h, uint64_t (*speed)(const struct link *l),
		enum direction direction, struct warning_list *out)
{
	char names[NAMES_MAX * (MODEL_NAME_SIZE + 32) + 32];
	uint64_t carries = 0;
	const struct link *told = by_speed(g, h, speed, &carries), *port = told ? told : by_capacity(g, &carries);

	if (!port || g->capacity <= carries)
		return 0;
	name_all(g, names, sizeof(names));
	return warning_add(
		out, direction == DIRECTION_RX ? "rx-stacked" : "stacked", g->m->nodes[g->all[g->first].node].name,
		"uplinks %s use one port: together they give away %.6g Mbit/s, and %s %s %.6g: shares do not hold%s", names,
		(double)g->capacity / 1e6, port->name, told ? "has" : "is said to carry", (double)carries / 1e6,
		direction_note(direction));
}

static int find(const struct plan *p, const struct host *h, uint64_t (*speed)(const struct link *l),
		enum direction direction, struct warning_list *out)
{
	const struct model *m = plan_model(p, direction);
	_cleanup_free_ bool *part = direction_parts(&p->model, direction);
	_cleanup_free_ struct stack *all = NULL;
	size_t n = 0;
	int err = part ? read_stacks(p, h, part, &all, &n) : -ENOMEM;

	for (size_t first = 0; first < n && err >= 0; first++) {
		struct group g = { .m = m, .all = all, .n = n, .first = first };

		for (size_t i = first; i < n; i++)
			if (all[i].group == first) {
				g.members++;
				g.capacity += rate_bits(m->nodes[all[i].node].limit);
			}
		if (g.members > 1)
			err = tell(&g, h, speed, direction, out);
	}
	return err;
}

int stacked_find(const struct plan *p, const struct host *h, uint64_t (*speed)(const struct link *l),
		 struct warning_list *out)
{
	int err = 0;

	for (enum direction i = 0; i < N_DIRECTIONS && err >= 0; i++)
		if (i == DIRECTION_TX || direction_is_used(&p->model, i))
			err = find(p, h, speed, i, out);
	return err;
}
