// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan.h"

#include "assign.h"
#include "base/byifindex.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void plan_free(struct plan *p)
{
	model_free(&p->written);
	model_free(&p->model);
	model_free(&p->rx);
	free(p->from);
	free(p->refused);
	free(p->bindings);
	free(p->minors);
	classids_free(&p->classids);
	hurdle_list_free(&p->hurdles);
	tree_free(&p->tree);
	*p = (struct plan){ 0 };
	model_init(&p->written);
	model_init(&p->model);
	model_init(&p->rx);
}

const struct model *plan_model(const struct plan *p, enum direction direction)
{
	return direction == DIRECTION_RX ? &p->rx : &p->model;
}

bool plan_wants_egress(const struct model *m, const struct host *h)
{
	bool wants = direction_is_used(m, DIRECTION_RX);

	for (size_t i = 0; i < h->n_links && !wants; i++)
		wants = binding_is_lower(&h->links[i]);
	return wants;
}

/* --- class numbers ------------------------------------------------------------------------------ */

static int assign_numbers(struct plan *p, const struct plan_input *in)
{
	const struct model *m = &p->model;

	for (size_t first = 0, next; first < m->n_nodes; first = next) {
		_cleanup_free_ struct minor_set *busy = calloc(1, sizeof(*busy));
		int err;

		if (!busy)
			return -ENOMEM;
		/* A node has one number in both directions. */
		for (enum direction d = 0; d < N_DIRECTIONS; d++) {
			const struct tree_uplink *u = tree_uplink(in->have, m->nodes[first].name, d);

			for (size_t i = 0; u && i < u->n_classes; i++)
				minor_set_add(busy, u->classes[i].htb.minor);
		}
		next = model_uplink_end(m, first);
		if (next - first - 1 > MODEL_UPLINK_NODES_MAX)
			return -ENOSPC;
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
	b->bound = b->rx = false;
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

	/* At egress nft comes before divvy, and the mark of what comes back ends with the macvtap's transmission. */
	if (b->lower)
		return;
	if (h && node->force) {
		snprintf(b->passed_by, sizeof(b->passed_by), "%s at %s of %s", h->chain, hook_name(h),
			 h->device);
	} else if (h) {
		unbind(b, REASON_NFT_HOOK, h->chain, h->device, hook_name(h));
	} else if (b->bound && in->hurdles && in->hurdles->error < 0 && !node->force &&
		   !tree_vnic(in->have, b->ifindex, DIRECTION_TX)) {
		unbind(b, REASON_NFT_UNKNOWN, b->nic, strerror(-in->hurdles->error), NULL);
	}
}

/*
 * A macvtap's packets pass divvy at its ingress when they come in, and are not seen there a second time. What a tap
 * or veth sends to its VM meets nft's egress hook before divvy.
 */
static bool respect_others_rx(const struct plan_input *in, const struct node *node, struct binding *b)
{
	const struct hurdle *h = b->lower && in->hurdles ? hurdle_of(in->hurdles, in->host, b->ifindex) : NULL;

	if (!h || h->kind != NFT_HOOK_INGRESS || node->force)
		return true;
	reason_set(&b->rx_why, REASON_NFT_HOOK, h->chain, h->device, hook_name(h));
	return false;
}

/* Where its packets can be met at its egress, and whether those that its VM receives are. */
static void place_egress(const struct plan_input *in, const struct node *node, struct binding *b)
{
	const struct egress *e = byifindex_find((void *)(uintptr_t)in->egress, in->n_egress, sizeof(*e), b->ifindex);
	char why[EGRESS_TEXT_SIZE];

	if (!b->bound || !(b->lower || node->rx_mode != RX_NONE))
		return;
	b->egress = egress_place(e);
	b->rx = node->rx_mode != RX_NONE && respect_others_rx(in, node, b) && (b->lower || b->egress.parent);
	if (b->egress.parent)
		return;
	b->missing = b->ifindex;
	egress_why(e, b->nic, why);
	if (b->lower)
		unbind(b, REASON_NO_EGRESS, why, NULL, NULL);
	else
		reason_set(&b->rx_why, REASON_NO_EGRESS, why, NULL, NULL);
}

/* Who has which vNIC, and what the model is then. */
static int match(struct plan *p, const struct plan_input *in, struct expansion *e)
{
	const struct match_input what = {
		.host = in->host, .bound = in->bound, .n_bound = in->n_bound, .classids = in->classids
	};
	struct match_list matches = { 0 };
	struct assign_input as = { .host = in->host, .written = &p->written, .matches = &matches, .expansion = e };
	int err = match_all(&p->written, &what, &matches);

	if (err >= 0)
		err = expand(&p->written, &matches, e);
	if (err >= 0)
		err = assign(&as, &p->bindings, &p->n_bindings);
	p->refused = matches.refused;
	p->n_refused = matches.n_refused;
	matches.refused = NULL;
	match_list_free(&matches);
	return err;
}

static void respect_all(const struct plan_input *in, const struct node *node, struct binding *b)
{
	respect_others(in, node, b);
	place_egress(in, node, b);
}

static int bind_all(struct plan *p, const struct plan_input *in)
{
	_cleanup_(expansion_free) struct expansion e = { 0 };
	int err = match(p, in, &e);

	if (err < 0)
		return err;
	p->model = e.model;
	model_init(&e.model);
	p->from = TAKE_PTR(e.written);
	/* CPU slots leave packets where they are. */
	for (size_t i = 0; i < p->n_bindings && p->model.schedule.resource != RESOURCE_CPU; i++)
		if (p->model.nodes[p->bindings[i].node].kind == NODE_DEVICE)
			respect_all(in, &p->model.nodes[p->bindings[i].node], &p->bindings[i]);
	for (uint32_t i = 0; i < p->model.n_nodes; i++)
		assign_bound_first(p->bindings, i);
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

		for (enum direction d = 0; d < N_DIRECTIONS; d++) {
			struct tree_vnic *v = tree_vnic(&p->tree, h->ifindex, d);

			if (!v)
				continue;
			v->not_before_ns = h->until_ns;
			if (!tree_same_vnic(in->have, v))
				plan_leave_out(p, h->ifindex, d, REASON_SETTLING, h->why, NULL);
		}
	}
}

static int make(struct plan *p, const struct model *m, const struct plan_input *in)
{
	struct tree_input tree = { .sizing = in->sizing,
				   .fq_codel = in->fq_codel,
				   .burst_limit = in->burst_limit,
				   .tcx = in->tcx,
				   .shared = in->shared,
				   .n_shared = in->n_shared };
	int err = model_copy(&p->written, m);

	if (err >= 0)
		err = bind_all(p, in);
	if (err < 0)
		return err;
	capacity_resolve(&p->model, in->speeds, in->n_speeds);
	p->minors = calloc(p->model.n_nodes + 1, sizeof(*p->minors));
	if (!p->minors)
		return -ENOMEM;
	err = assign_numbers(p, in);
	if (err >= 0 && in->hurdles)
		err = hurdle_list_copy(in->hurdles, &p->hurdles);
	if (err < 0 || m->schedule.resource == RESOURCE_CPU)
		return err;
	tree.bindings = p->bindings;
	tree.n_bindings = p->n_bindings;
	tree.minors = p->minors;
	if (direction_is_used(&p->model, DIRECTION_RX))
		err = direction_model(&p->model, DIRECTION_RX, &p->rx);
	if (err < 0)
		return err;
	tree.rx = p->rx.n_nodes ? &p->rx : NULL;
	err = tree_build(&p->model, &tree, &p->tree);
	if (err >= 0)
		hold(p, in);
	return err;
}

int plan_make(const struct model *m, const struct plan_input *in, struct plan *out)
{
	struct plan p = { 0 };
	int err;

	model_init(&p.written);
	model_init(&p.model);
	model_init(&p.rx);
	err = make(&p, m, in);
	if (err < 0)
		plan_free(&p);
	else
		*out = p;
	return err;
}

/* Both bindings of the tree's vNICs changed places. */
static void follow_exchange(struct plan *p, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < p->tree.n_vnics; i++) {
		struct tree_vnic *v = &p->tree.vnics[i];

		v->binding = v->binding == a ? b : v->binding == b ? a : v->binding;
	}
}

void plan_leave_out(struct plan *p, uint32_t ifindex, enum direction direction, enum reason_code code, const char *what,
		    const char *more)
{
	struct tree_vnic *v = tree_vnic(&p->tree, ifindex, direction);
	struct binding *b;
	uint32_t other;

	if (!v)
		return;
	v->sndbuf = 0; /* what is not scheduled is not held back */
	b = &p->bindings[v->binding];
	if (direction == DIRECTION_RX) {
		b->rx = false;
		if (b->bound)
			reason_set(&b->rx_why, code, b->nic, what, more);
		return;
	}
	unbind(b, code, b->nic, what, more);
	if (v->binding != v->node)
		return;
	other = assign_bound_first(p->bindings, v->node);
	if (other)
		follow_exchange(p, v->node, other);
}

bool plan_misses_egress(const struct plan *p, uint32_t ifindex)
{
	for (size_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];

		if (b->missing == ifindex && ifindex)
			return true;
	}
	return false;
}

bool plan_has_egress(const struct plan *p, uint32_t ifindex)
{
	for (enum direction d = 0; d < N_DIRECTIONS; d++) {
		const struct tree_vnic *v = tree_vnic(&p->tree, ifindex, d);

		if (v && v->hooks & HOOK_EGRESS)
			return true;
	}
	return plan_misses_egress(p, ifindex);
}

static int compare_bound(const void *a, const void *b)
{
	uint32_t x = ((const struct bound_vnic *)a)->ifindex, y = ((const struct bound_vnic *)b)->ifindex;

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

static void put_bound(const struct plan *p, uint32_t ifindex, uint32_t node, struct bound_vnic *list, size_t *n)
{
	struct bound_vnic *b = &list[(*n)++];
	const struct node *uplink = &p->model.nodes[model_uplink_of(&p->model, node)];

	*b = (struct bound_vnic){ .ifindex = ifindex, .minor = p->minors[node] };
	snprintf(b->uplink, sizeof(b->uplink), "%.*s", IFNAMSIZ - 1, uplink->name);
}

int plan_bound(const struct plan *p, struct bound_vnic **list, size_t *n)
{
	struct bound_vnic *all = calloc(p->n_bindings + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < p->n_bindings; i++)
		if (p->model.nodes[p->bindings[i].node].kind == NODE_DEVICE && p->bindings[i].bound)
			put_bound(p, p->bindings[i].ifindex, p->bindings[i].node, all, n);
	/* It waits, but for nothing else than this vNIC. */
	for (size_t i = 0; i < p->tree.n_vnics; i++)
		if (p->tree.vnics[i].direction == DIRECTION_TX &&
		    p->bindings[p->tree.vnics[i].binding].why.code == REASON_SETTLING)
			put_bound(p, p->tree.vnics[i].ifindex, p->tree.vnics[i].node, all, n);
	if (*n)
		qsort(all, *n, sizeof(*all), compare_bound);
	*list = all;
	return 0;
}

int plan_bound_there(const struct tree *have, struct bound_vnic **list, size_t *n)
{
	struct bound_vnic *all = calloc(have->n_vnics + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct tree_vnic *v = &have->vnics[i];
		struct bound_vnic *b = &all[*n];

		if (v->direction != DIRECTION_TX)
			continue;
		(*n)++;
		*b = (struct bound_vnic){ .ifindex = v->ifindex, .minor = v->minor };
		if (v->uplink < have->n_uplinks)
			memcpy(b->uplink, have->uplinks[v->uplink].name, sizeof(b->uplink));
	}
	*list = all;
	return 0;
}
