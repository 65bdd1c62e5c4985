// SPDX-License-Identifier: GPL-2.0-or-later
#include "absent.h"

#include "base/event.h"

#include <string.h>

/* The uplink's binding; NULL: the plan does not divide it. O(n). */
static const struct binding *uplink_of(const struct plan *p, const char *name)
{
	for (size_t i = 0; p->bindings && i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_UPLINK && strcmp(p->model.nodes[i].name, name) == 0)
			return &p->bindings[i];
	return NULL;
}

bool absent_runs(const struct plan *running, const char *uplink)
{
	return uplink_of(running, uplink) != NULL;
}

bool absent_concerns(const struct plan *running, const struct link *l)
{
	for (size_t i = 0; running->bindings && i < running->model.n_nodes; i++)
		if (running->model.nodes[i].kind == NODE_UPLINK &&
		    (running->bindings[i].ifindex == l->ifindex ||
		     strcmp(running->model.nodes[i].name, l->name) == 0 ||
		     link_has_altname(l, running->model.nodes[i].name)))
			return true;
	return false;
}

void absent_log(const struct plan *was, const struct plan *now)
{
	for (size_t i = 0; i < now->model.n_nodes; i++) {
		const struct node *node = &now->model.nodes[i];
		const struct binding *before;
		bool was_absent;

		if (node->kind != NODE_UPLINK)
			continue;
		before = uplink_of(was, node->name);
		was_absent = before && !before->bound;
		if (!now->bindings[i].bound && !was_absent)
			event_tell(&(struct event){ .kind = EVENT_WAITING, .priority = LOG_WARNING, .uplink = node->name },
				   "uplink %s is not there: shares of it stay in force until it comes", node->name);
		else if (now->bindings[i].bound && was_absent)
			event_tell(&(struct event){ .kind = EVENT_BIND, .priority = LOG_NOTICE, .uplink = node->name },
				   "uplink %s is there again", node->name);
	}
}
