// SPDX-License-Identifier: GPL-2.0-or-later
#include "claims.h"

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

int claims_make(const struct plan *p, const struct host *h, struct claims *out)
{
	struct claims c = { .plan = p, .host = h, .bindings = calloc(p->n_bindings + 1, sizeof(*c.bindings)) };
	int err = c.bindings ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->n_bindings && err >= 0; i++) {
		const struct binding *b = &p->bindings[i];
		const struct link *l = b->bound ? host_link(h, b->ifindex) : NULL;

		if (p->model.nodes[b->node].kind != NODE_DEVICE || !b->nic[0])
			continue;
		c.bindings[c.n++] = (uint32_t)i;
		if (l)
			err = patch_add(&c.patches, h, l);
	}
	if (err < 0) {
		claims_free(&c);
		return err;
	}
	qsort_r(c.bindings, c.n, sizeof(*c.bindings), compare, (void *)(uintptr_t)p);
	patch_seal(&c.patches);
	*out = c;
	return 0;
}

void claims_free(struct claims *c)
{
	free(c->bindings);
	patch_list_free(&c->patches);
	*c = (struct claims){ 0 };
}

uint32_t claims_find(const struct claims *c, const char *nic)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(c->plan->bindings[c->bindings[mid]].nic, nic) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->n || strcmp(c->plan->bindings[c->bindings[lo]].nic, nic) != 0)
		return NODE_NONE;
	return c->plan->bindings[c->bindings[lo]].node;
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
	pid_t *pids = calloc(p->n_bindings + 1, sizeof(*pids));

	*n = 0;
	for (size_t i = 0; pids && i < p->n_bindings; i++)
		if (p->model.schedule.resource == RESOURCE_CPU && p->bindings[i].bound && p->bindings[i].pid)
			pids[(*n)++] = p->bindings[i].pid;
	if (*n)
		qsort(pids, *n, sizeof(*pids), compare_pid);
	return pids;
}

/* Whether nothing divides it although divvy could. */
static bool is_undivided(const struct claims *c, const struct link *const *by_name, const struct vmm_nic *nic)
{
	const struct link *l = host_called(c->host, by_name, nic->tap);
	const struct patch *patch = l ? patch_of(&c->patches, l) : NULL;

	return l && !binding_unschedulable(l) && (!patch || !patch->outward);
}

int claims_unclaimed(const struct claims *c, const struct vmm_nic ***list, size_t *n)
{
	const struct host *h = c->host;
	_cleanup_free_ const struct vmm_nic **found = calloc(h->n_nics + 1, sizeof(*found));
	_cleanup_free_ const struct link **by_name = NULL; /* made when it is needed: mostly it is not */
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
		if (!by_name)
			by_name = host_by_name(h);
		if (!by_name)
			return -ENOMEM;
		if (is_undivided(c, by_name, nic))
			found[n_found++] = nic;
	}
	*list = TAKE_PTR(found);
	*n = n_found;
	return 0;
}
