// SPDX-License-Identifier: GPL-2.0-or-later
#include "reach.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "bind.h"
#include "ports.h"

#include <errno.h>
#include <string.h>

/* What was found out for one bridge, bond or VRF; 0: for all that is routed. */
struct answer {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint32_t uplink;
};

struct reach {
	const struct model *m;
	const struct host *h;
	uint32_t *uplink_at; /* by link: the uplink that it is, or NODE_NONE */
	bool *port;          /* by link */
	bool *seen;          /* by link, in a walk */
	const struct link **walk;
	const struct link **by_master; /* links, sorted by master */
	size_t n_walk;
	uint32_t only; /* the model's only uplink; NODE_NONE: it has several */
	struct answer *answers;
	size_t n_answers;
};

static void reach_free(struct reach *r)
{
	if (!r)
		return;
	free(r->uplink_at);
	free(r->port);
	free(r->seen);
	free(r->walk);
	free(r->by_master);
	free(r->answers);
	free(r);
}

void reach_freep(struct reach **r)
{
	reach_free(*r);
}

static size_t index_of(const struct reach *r, const struct link *l)
{
	return (size_t)(l - r->h->links);
}

static int compare_master(const void *a, const void *b)
{
	const struct link *x = *(const struct link *const *)a, *y = *(const struct link *const *)b;

	return (x->master > y->master) - (x->master < y->master);
}

static const struct link *link_called(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_links; i++)
		if (strcmp(h->links[i].name, name) == 0 || link_has_altname(&h->links[i], name))
			return &h->links[i];
	return NULL;
}

static void note_uplinks(struct reach *r)
{
	const struct link *ports[PORTS_MAX];
	size_t uplinks = 0;

	for (size_t i = 0; i < r->h->n_links; i++)
		r->uplink_at[i] = NODE_NONE;
	for (uint32_t i = 0; i < r->m->n_nodes; i++) {
		const struct link *l;

		if (r->m->nodes[i].kind != NODE_UPLINK)
			continue;
		r->only = uplinks++ ? NODE_NONE : i;
		l = link_called(r->h, r->m->nodes[i].name);
		if (!l)
			continue;
		r->uplink_at[index_of(r, l)] = i;
		for (size_t k = ports_of(r->h, l, ports); k-- > 0;)
			r->port[index_of(r, ports[k])] = true;
	}
}

struct reach *reach_new(const struct model *m, const struct host *h)
{
	_cleanup_(reach_freep) struct reach *r = calloc(1, sizeof(*r));
	size_t n = h->n_links + 1;

	if (!r)
		return NULL;
	*r = (struct reach){ .m = m, .h = h, .only = NODE_NONE };
	r->uplink_at = calloc(n, sizeof(*r->uplink_at));
	r->port = calloc(n, sizeof(*r->port));
	r->seen = calloc(n, sizeof(*r->seen));
	r->walk = calloc(n, sizeof(*r->walk));
	r->by_master = calloc(n, sizeof(*r->by_master));
	if (!r->uplink_at || !r->port || !r->seen || !r->walk || !r->by_master)
		return NULL;
	for (size_t i = 0; i < h->n_links; i++)
		r->by_master[i] = &h->links[i];
	if (h->n_links)
		qsort(r->by_master, h->n_links, sizeof(*r->by_master), compare_master);
	note_uplinks(r);
	return TAKE_PTR(r);
}

static void step_to(struct reach *r, const struct link *l)
{
	if (!l || r->seen[index_of(r, l)])
		return;
	r->seen[index_of(r, l)] = true;
	r->walk[r->n_walk++] = l;
}

static bool is_here(const struct link *l)
{
	return l->lower && l->peer_netns < 0;
}

/* The ports of a bridge or bond: a patch to another bridge of this host is one, too. */
static void step_to_ports(struct reach *r, const struct link *l)
{
	size_t lo = 0, hi = r->h->n_links;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->by_master[mid]->master < l->ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < r->h->n_links && r->by_master[lo]->master == l->ifindex; lo++) {
		const struct link *port = r->by_master[lo], *peer;

		if (port->kind != LINK_VETH) {
			step_to(r, port);
			continue;
		}
		peer = is_here(port) ? host_link(r->h, port->lower) : NULL;
		if (r->uplink_at[index_of(r, port)] != NODE_NONE)
			step_to(r, port);
		else if (peer && r->uplink_at[index_of(r, peer)] != NODE_NONE)
			step_to(r, peer);
		else if (peer && peer->master)
			step_to(r, host_link(r->h, peer->master));
	}
}

/* The only uplink behind a link; NODE_NONE: there is none, or several. *several tells. */
static uint32_t walk_from(struct reach *r, const struct link *from, bool *several)
{
	uint32_t found = NODE_NONE;

	*several = false;
	memset(r->seen, 0, r->h->n_links * sizeof(*r->seen));
	r->n_walk = 0;
	step_to(r, from);
	for (size_t i = 0; i < r->n_walk; i++) {
		const struct link *l = r->walk[i];
		uint32_t uplink = r->uplink_at[index_of(r, l)];

		if (uplink != NODE_NONE) { /* its packets leave there, whatever is below */
			*several |= found != NODE_NONE;
			found = uplink;
			continue;
		}
		step_to_ports(r, l);
		if (l->kind != LINK_VETH && is_here(l))
			step_to(r, host_link(r->h, l->lower));
	}
	return *several ? NODE_NONE : found;
}

static uint32_t find_out(struct reach *r, uint32_t master)
{
	bool several = false;
	uint32_t found = NODE_NONE;

	if (master)
		found = walk_from(r, host_link(r->h, master), &several);
	if (found == NODE_NONE && !several && r->h->route_out)
		found = walk_from(r, host_link(r->h, r->h->route_out), &several);
	return found;
}

uint32_t reach_uplink(struct reach *r, const struct link *vnic)
{
	bool lower = binding_is_lower(vnic) && is_here(vnic);
	struct answer a = { .ifindex = lower ? vnic->lower : vnic->master };
	const struct answer *known;

	if (r->only != NODE_NONE)
		return r->only;
	known = byifindex_find(r->answers, r->n_answers, sizeof(a), a.ifindex);
	if (known)
		return known->uplink;
	a.uplink = find_out(r, a.ifindex);
	(void)byifindex_insert(&r->answers, &r->n_answers, sizeof(a), &a); /* else it is found out again */
	return a.uplink;
}

bool reach_is_port(struct reach *r, const struct link *l)
{
	return r->port[index_of(r, l)];
}
