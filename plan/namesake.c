// SPDX-License-Identifier: GPL-2.0-or-later
#include "namesake.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <string.h>

/* vNICs sorted by their name, then by who they belong to. */
struct index {
	const struct vmm_nic **list;
	int (*compare_name)(const struct vmm_nic *a, const struct vmm_nic *b);
	int (*compare_unit)(const struct vmm_nic *a, const struct vmm_nic *b);
	/* By the first of a name: what was found out last. */
	uint32_t *node;
	const struct vmm_nic **chosen;
};

struct namesakes {
	struct namesake_input in;
	const struct link **by_name;
	struct index vm, mac;
};

static int compare_vm(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->vm, b->vm);
}

static int compare_mac(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->mac, b->mac);
}

static int compare_process(const struct vmm_nic *a, const struct vmm_nic *b)
{
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->start_time > b->start_time) - (a->start_time < b->start_time);
}

static int compare_tap(const struct vmm_nic *a, const struct vmm_nic *b)
{
	return strcmp(a->tap, b->tap);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct vmm_nic *x = *(const struct vmm_nic *const *)a, *y = *(const struct vmm_nic *const *)b;
	const struct index *index = arg;
	int r = index->compare_name(x, y);

	if (r == 0)
		r = index->compare_unit(x, y);
	return r ? r : compare_tap(x, y);
}

static int make_index(struct index *x, const struct host *h)
{
	x->list = calloc(h->n_nics + 1, sizeof(*x->list));
	x->node = calloc(h->n_nics + 1, sizeof(*x->node));
	x->chosen = calloc(h->n_nics + 1, sizeof(*x->chosen));
	if (!x->list || !x->node || !x->chosen)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_nics; i++) {
		x->list[i] = &h->nics[i];
		x->node[i] = NODE_NONE;
	}
	if (h->n_nics)
		qsort_r(x->list, h->n_nics, sizeof(*x->list), compare, x);
	return 0;
}

static void free_index(struct index *x)
{
	free(x->list);
	free(x->node);
	free(x->chosen);
}

void namesakes_freep(struct namesakes **n)
{
	if (!*n)
		return;
	free_index(&(*n)->vm);
	free_index(&(*n)->mac);
	free((*n)->by_name);
	free(*n);
}

struct namesakes *namesakes_new(const struct namesake_input *in)
{
	_cleanup_(namesakes_freep) struct namesakes *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->in = *in;
	n->vm = (struct index){ .compare_name = compare_vm, .compare_unit = compare_process };
	n->mac = (struct index){ .compare_name = compare_mac, .compare_unit = compare_tap };
	n->by_name = host_by_name(in->h);
	if (!n->by_name || make_index(&n->vm, in->h) < 0 || make_index(&n->mac, in->h) < 0)
		return NULL;
	return TAKE_PTR(n);
}

/* The first vNIC of that name, or behind it. */
static size_t bound_of(const struct index *x, size_t n, const struct vmm_nic *key, bool behind)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		int r = x->compare_name(x->list[mid], key);

		if (r < 0 || (behind && r == 0))
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static bool is_in_class(const struct namesakes *n, const struct vmm_nic *open, const char *uplink, uint16_t minor)
{
	const struct link *l = host_called(n->in.h, n->by_name, open->tap);
	struct bound_vnic *b = NULL;

	if (l && n->in.n_bound)
		b = byifindex_find((void *)(uintptr_t)n->in.bound, n->in.n_bound, sizeof(*b), l->ifindex);
	return b && b->minor == minor && strcmp(b->uplink, uplink) == 0;
}

/* Of several, the one that alone is in the class; NULL: none is, or several are. */
static const struct vmm_nic *choose(const struct namesakes *n, const struct index *x, size_t first, size_t end,
				    uint32_t node, const char *instance)
{
	const char *uplink = n->in.m->nodes[model_uplink_of(n->in.m, node)].name;
	uint16_t minor = classids_minor(n->in.classids, n->in.m, node, instance);
	const struct vmm_nic *found = NULL;

	for (size_t i = first; i < end && minor; i++) {
		if (!is_in_class(n, x->list[i], uplink, minor))
			continue;
		if (found && x->compare_unit(found, x->list[i]) != 0)
			return NULL;
		found = x->list[i];
	}
	return found;
}

bool namesakes_chosen(struct namesakes *n, uint32_t node, const char *instance, const struct vmm_nic *open)
{
	enum selector_kind kind = n->in.m->nodes[node].select;
	struct index *x = kind == SELECT_VM ? &n->vm : &n->mac;
	size_t first, end;

	if (kind != SELECT_VM && kind != SELECT_MAC)
		return true;
	first = bound_of(x, n->in.h->n_nics, open, false);
	end = bound_of(x, n->in.h->n_nics, open, true);
	if (first == end || x->compare_unit(x->list[first], x->list[end - 1]) == 0)
		return true;
	if (x->node[first] != node) {
		x->node[first] = node;
		x->chosen[first] = choose(n, x, first, end, node, instance);
	}
	return x->chosen[first] && x->compare_unit(x->chosen[first], open) == 0;
}
