// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void plan_free(struct plan *p)
{
	model_free(&p->model);
	free(p->bindings);
	free(p->minors);
	classids_free(&p->classids);
	hurdle_list_free(&p->hurdles);
	tree_free(&p->tree);
	*p = (struct plan){ 0 };
	model_init(&p->model);
}

/* --- class numbers ------------------------------------------------------------------------------ */

static int assign_numbers(struct plan *p, const struct plan_input *in)
{
	const struct model *m = &p->model;

	for (size_t first = 0, next; first < m->n_nodes; first = next) {
		_cleanup_free_ struct minor_set *busy = calloc(1, sizeof(*busy));
		const struct tree_uplink *u = tree_uplink(in->have, m->nodes[first].name, DIRECTION_TX);
		int err;

		if (!busy)
			return -ENOMEM;
		for (size_t i = 0; u && i < u->n_classes; i++)
			minor_set_add(busy, u->classes[i].htb.minor);
		next = model_uplink_end(m, first);
		err = classids_assign(in->classids, m, first, next, busy, &p->classids, p->minors);
		if (err < 0)
			return err;
	}
	classids_seal(&p->classids);
	return 0;
}

/* --- bindings ----------------------------------------------------------------------------------- */

/* A device that the binder has bound waits after all. Its vNIC and the VM behind it stay known. */
static void unbind(struct binding *b, enum reason_code code, const char *what, const char *more,
		   const char *last)
{
	b->bound = false;
	b->ifindex = 0;
	b->backpressure = false;
	b->passed_by[0] = '\0';
	reason_set(&b->why, code, what, more, last);
}

static const char *hook_name(const struct hurdle *h)
{
	return h->kind == NFT_HOOK_EGRESS ? "egress" : "ingress";
}

/*
 * A firewall of others must not be switched off silently: a vNIC whose packets would pass an nft hook by is not
 * bound, or no longer. As long as nft cannot be asked, a vNIC that is bound stays bound, and no other is.
 */
static void respect_others(const struct plan_input *in, const struct node *node, struct binding *b)
{
	const struct hurdle *h = b->bound && in->hurdles ? hurdle_of(in->hurdles, in->host, b->ifindex) :
							   NULL;

	if (h && node->force) {
		snprintf(b->passed_by, sizeof(b->passed_by), "%s at %s of %s", h->chain, hook_name(h),
			 h->device);
	} else if (h) {
		unbind(b, REASON_NFT_HOOK, h->chain, h->device, hook_name(h));
	} else if (b->bound && in->hurdles && in->hurdles->error < 0 && !node->force &&
		   !tree_vnic(in->have, b->ifindex)) {
		unbind(b, REASON_NFT_UNKNOWN, b->nic, strerror(-in->hurdles->error), NULL);
	}
}

static void bind_uplink(const struct binder *binder, const struct node *node, struct binding *b)
{
	const struct link *l = binder_link(binder, node->name);

	*b = (struct binding){ .bound = l != NULL, .ifindex = l ? l->ifindex : 0, .queues = 1 };
	snprintf(b->nic, sizeof(b->nic), "%.*s", IFNAMSIZ - 1, l ? l->name : node->name);
	if (!l)
		reason_set(&b->why, REASON_NO_LINK, b->nic, NULL, NULL);
}

static int bind_all(struct plan *p, const struct plan_input *in)
{
	_cleanup_(binder_freep) struct binder *binder = binder_new(in->host, in->bound, in->n_bound);

	if (!binder)
		return -ENOMEM;
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		const struct node *node = &p->model.nodes[i];

		if (node->kind == NODE_UPLINK)
			bind_uplink(binder, node, &p->bindings[i]);
		if (node->kind != NODE_DEVICE)
			continue;
		binder_bind(binder, node, &p->bindings[i]);
		/* CPU slots leave packets where they are. */
		if (p->model.schedule.resource != RESOURCE_CPU)
			respect_others(in, node, &p->bindings[i]);
	}
	return 0;
}

struct claim {
	uint32_t ifindex, node;
};

static int compare_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

/* Two selectors that name one vNIC can only be told apart on the host: the later device waits. */
static int refuse_shared_nics(struct plan *p)
{
	_cleanup_free_ struct claim *claim = calloc(p->model.n_nodes + 1, sizeof(*claim));
	size_t n = 0, first = 0;

	if (!claim)
		return -ENOMEM;
	for (size_t i = 0; i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && p->bindings[i].bound)
			claim[n++] = (struct claim){ p->bindings[i].ifindex, (uint32_t)i };
	if (n)
		qsort(claim, n, sizeof(*claim), compare_claim);
	for (size_t i = 1; i < n; i++) {
		struct binding *later = &p->bindings[claim[i].node];

		if (claim[i].ifindex != claim[first].ifindex) {
			first = i;
			continue;
		}
		unbind(later, REASON_CLAIMED, later->nic, p->model.nodes[claim[first].node].name, NULL);
	}
	return 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/*
 * A vNIC that is held has its class already, as if it were bound: when its manager has done, a filter is all
 * that is missing.
 */
static void hold(struct plan *p, const struct plan_input *in)
{
	for (size_t i = 0; i < in->n_holds; i++) {
		const struct plan_hold *h = &in->holds[i];
		struct tree_vnic *v = tree_vnic(&p->tree, h->ifindex);

		if (!v)
			continue;
		v->not_before_ns = h->until_ns;
		if (!tree_vnic(in->have, h->ifindex))
			plan_leave_out(p, h->ifindex, REASON_SETTLING, h->why, NULL);
	}
}

static int make(struct plan *p, const struct model *m, const struct plan_input *in)
{
	struct tree_input tree = { .sizing = in->sizing,
				   .fq_codel = in->fq_codel,
				   .tcx = in->tcx,
				   .shared = in->shared,
				   .n_shared = in->n_shared };
	int err = model_copy(&p->model, m);

	if (err < 0)
		return err;
	p->bindings = calloc(m->n_nodes + 1, sizeof(*p->bindings));
	p->minors = calloc(m->n_nodes + 1, sizeof(*p->minors));
	if (!p->bindings || !p->minors)
		return -ENOMEM;
	err = assign_numbers(p, in);
	if (err >= 0)
		err = bind_all(p, in);
	if (err >= 0)
		err = refuse_shared_nics(p);
	if (err >= 0 && in->hurdles)
		err = hurdle_list_copy(in->hurdles, &p->hurdles);
	if (err < 0 || m->schedule.resource == RESOURCE_CPU)
		return err;
	tree.bindings = p->bindings;
	tree.minors = p->minors;
	err = tree_build(&p->model, &tree, &p->tree);
	if (err >= 0)
		hold(p, in);
	return err;
}

int plan_make(const struct model *m, const struct plan_input *in, struct plan *out)
{
	struct plan p = { 0 };
	int err;

	model_init(&p.model);
	err = make(&p, m, in);
	if (err < 0)
		plan_free(&p);
	else
		*out = p;
	return err;
}

void plan_leave_out(struct plan *p, uint32_t ifindex, enum reason_code code, const char *what, const char *more)
{
	struct tree_vnic *v = tree_vnic(&p->tree, ifindex);
	struct binding *b;

	if (!v)
		return;
	v->sndbuf = 0; /* what is not scheduled is not held back */
	b = &p->bindings[v->node];
	unbind(b, code, b->nic, what, more);
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void plan_count(const struct plan *p, size_t *devices, size_t *bound)
{
	*devices = *bound = 0;
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		bool device = p->model.nodes[i].kind == NODE_DEVICE;

		*devices += device;
		*bound += device && p->bindings[i].bound;
	}
}

int plan_bound(const struct plan *p, uint32_t **ifindexes, size_t *n)
{
	uint32_t *list = calloc(p->model.n_nodes + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && p->bindings[i].bound)
			list[(*n)++] = p->bindings[i].ifindex;
	/* Its device waits, but for nothing else than this vNIC. */
	for (size_t i = 0; i < p->tree.n_vnics; i++)
		if (p->bindings[p->tree.vnics[i].node].why.code == REASON_SETTLING)
			list[(*n)++] = p->tree.vnics[i].ifindex;
	if (*n)
		qsort(list, *n, sizeof(*list), compare_ifindex);
	*ifindexes = list;
	return 0;
}
