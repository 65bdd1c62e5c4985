// SPDX-License-Identifier: GPL-2.0-or-later
#include "claims.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

static int compare(const void *a, const void *b, void *arg)
{
	const struct plan *p = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int r = strcmp(p->bindings[x].nic, p->bindings[y].nic);

	/* Of two that name one vNIC the bound one comes first, then the earlier one. */
	if (r == 0)
		r = (int)p->bindings[y].bound - (int)p->bindings[x].bound;
	return r ? r : (x > y) - (x < y);
}

static int compare_patch(const void *a, const void *b)
{
	const struct patch *x = a, *y = b;

	if (x->bridge != y->bridge)
		return x->bridge < y->bridge ? -1 : 1;
	return (int)y->outward - (int)x->outward;
}

static size_t count_ports(const struct host *h, uint32_t bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_links; i++)
		n += h->links[i].master == bridge;
	return n;
}

/* A container's veth has its other end in another namespace. O(n), for the few that have not. */
static void add_patch(struct claims *c, const struct link *l)
{
	const struct link *peer;

	if (!l || l->kind != LINK_VETH || !l->lower || l->peer_netns >= 0)
		return;
	peer = host_link(c->host, l->lower);
	if (!peer || !l->master || !peer->master || l->master == peer->master)
		return;
	if (count_ports(c->host, peer->master) == 2)
		c->patches[c->n_patches++] =
			(struct patch){ .bridge = peer->master, .outward = true, .veth = l };
	if (count_ports(c->host, l->master) == 2)
		c->patches[c->n_patches++] = (struct patch){ .bridge = l->master, .veth = l };
}

int claims_make(const struct plan *p, const struct host *h, struct claims *out)
{
	size_t room = p->model.n_nodes + 1;
	struct claims c = { .plan = p,
			    .host = h,
			    .nodes = calloc(room, sizeof(*c.nodes)),
			    .patches = calloc(2 * room, sizeof(*c.patches)) };

	if (!c.nodes || !c.patches) {
		claims_free(&c);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		if (p->model.nodes[i].kind != NODE_DEVICE || !p->bindings[i].nic[0])
			continue;
		c.nodes[c.n++] = (uint32_t)i;
		if (p->bindings[i].bound)
			add_patch(&c, host_link(h, p->bindings[i].ifindex));
	}
	qsort_r(c.nodes, c.n, sizeof(*c.nodes), compare, (void *)(uintptr_t)p);
	if (c.n_patches)
		qsort(c.patches, c.n_patches, sizeof(*c.patches), compare_patch);
	*out = c;
	return 0;
}

void claims_free(struct claims *c)
{
	free(c->nodes);
	free(c->patches);
	*c = (struct claims){ 0 };
}

uint32_t claims_find(const struct claims *c, const char *nic)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(c->plan->bindings[c->nodes[mid]].nic, nic) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && strcmp(c->plan->bindings[c->nodes[lo]].nic, nic) == 0 ? c->nodes[lo] : NODE_NONE;
}

const struct patch *claims_patch_of(const struct claims *c, const struct link *tap)
{
	return tap->master ? byifindex_find(c->patches, c->n_patches, sizeof(*c->patches), tap->master) :
			     NULL;
}

/* --- vNICs that none claims ------------------------------------------------------------------------ */

static int compare_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The processes of the VMs that are in CPU slots, sorted; none where devices are scheduled. */
static pid_t *scheduled(const struct plan *p, size_t *n)
{
	pid_t *pids = calloc(p->model.n_nodes + 1, sizeof(*pids));

	*n = 0;
	for (size_t i = 0; pids && i < p->model.n_nodes; i++)
		if (p->model.schedule.resource == RESOURCE_CPU && p->bindings[i].bound && p->bindings[i].pid)
			pids[(*n)++] = p->bindings[i].pid;
	if (*n)
		qsort(pids, *n, sizeof(*pids), compare_pid);
	return pids;
}

/* Whether nothing divides it although divvy could. */
static bool is_undivided(const struct claims *c, const struct binder *binder, const struct vmm_nic *nic)
{
	const struct link *l = binder_link(binder, nic->tap);
	const struct patch *patch = l ? claims_patch_of(c, l) : NULL;

	return l && !binding_unschedulable(l) && (!patch || !patch->outward);
}

int claims_unclaimed(const struct claims *c, const struct vmm_nic ***list, size_t *n)
{
	const struct host *h = c->host;
	_cleanup_free_ const struct vmm_nic **found = calloc(h->n_nics + 1, sizeof(*found));
	_cleanup_(binder_freep) struct binder *binder = NULL; /* made when it is needed: mostly it is not */
	size_t n_found = 0, n_pids = 0;
	_cleanup_free_ pid_t *pids = scheduled(c->plan, &n_pids);

	if (!found || !pids)
		return -ENOMEM;
	for (size_t i = 0; c->plan->model.n_nodes && i < h->n_nics; i++) {
		const struct vmm_nic *nic = &h->nics[i];

		if (nic->reason == VMM_WHY_NO_VMM || claims_find(c, nic->tap) != NODE_NONE)
			continue;
		if (n_pids && bsearch(&nic->pid, pids, n_pids, sizeof(*pids), compare_pid))
			continue;
		if (!binder)
			binder = binder_new(h, NULL, 0);
		if (!binder)
			return -ENOMEM;
		if (is_undivided(c, binder, nic))
			found[n_found++] = nic;
	}
	*list = TAKE_PTR(found);
	*n = n_found;
	return 0;
}
