// SPDX-License-Identifier: GPL-2.0-or-later
#include "match.h"

#include "base/array.h"
#include "base/byifindex.h"
#include "base/cleanup.h"
#include "bind.h"
#include "core/pattern.h"
#include "patch.h"
#include "reach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A selector that is a text, not a pattern. */
struct key {
	const char *text;
	uint32_t node;
};

struct keys {
	struct key *list; /* sorted by text and node */
	size_t n;
};

struct nodes {
	uint32_t *list;
	size_t n;
};

/* A vNIC that may be named. */
struct vnic {
	const char *name;
	const struct link *link;    /* or NULL */
	const struct vmm_nic *open; /* or NULL */
};

struct matcher {
	const struct model *m;
	const struct match_input *in;
	struct keys keys[N_SELECTORS];
	struct nodes patterns, others; /* ascending */
	struct nodes fits;             /* scratch: of one vNIC */
	struct reach *reach;
	struct namesakes *namesakes;
	bool many; /* uplinks */
	struct match_list out;
};

static void matcher_free(struct matcher *x)
{
	for (size_t i = 0; i < N_SELECTORS; i++)
		free(x->keys[i].list);
	free(x->patterns.list);
	free(x->others.list);
	free(x->fits.list);
	reach_freep(&x->reach);
	namesakes_freep(&x->namesakes);
	match_list_free(&x->out);
}

void match_list_free(struct match_list *l)
{
	free(l->list);
	free(l->refused);
	*l = (struct match_list){ 0 };
}

/* --- the model's selectors ---------------------------------------------------------------------- */

static int compare_key(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	return r ? r : (x->node > y->node) - (x->node < y->node);
}

static int put_node(struct nodes *l, uint32_t node)
{
	if (array_reserve(&l->list, l->n, sizeof(*l->list)) < 0)
		return -ENOMEM;
	l->list[l->n++] = node;
	return 0;
}

static int put_key(struct keys *l, const char *text, uint32_t node)
{
	if (array_reserve(&l->list, l->n, sizeof(*l->list)) < 0)
		return -ENOMEM;
	l->list[l->n++] = (struct key){ text, node };
	return 0;
}

static int sort_selectors(struct matcher *x)
{
	int err = 0;

	for (uint32_t i = 0; i < x->m->n_nodes && err >= 0; i++) {
		const struct node *node = &x->m->nodes[i];

		if (node->kind == NODE_NETWORK && node->others)
			err = put_node(&x->others, i);
		if (node->kind != NODE_DEVICE)
			continue;
		err = model_is_pattern(node) ? put_node(&x->patterns, i) :
					       put_key(&x->keys[node->select], node->selector, i);
	}
	x->many = model_has_several_uplinks(x->m);
	for (size_t i = 0; i < N_SELECTORS; i++)
		if (x->keys[i].n)
			qsort(x->keys[i].list, x->keys[i].n, sizeof(*x->keys[i].list), compare_key);
	return err;
}

/* --- what fits a vNIC --------------------------------------------------------------------------- */

static int refuse(struct matcher *x, uint32_t node, enum refusal_kind kind, const struct vnic *v, uint32_t other)
{
	struct refusal *r;

	if (array_reserve(&x->out.refused, x->out.n_refused, sizeof(*r)) < 0)
		return -ENOMEM;
	r = &x->out.refused[x->out.n_refused++];
	*r = (struct refusal){ .node = node, .kind = kind, .other = other };
	snprintf(r->nic, sizeof(r->nic), "%s", v->name);
	return 0;
}

/* A vNIC of a VM or container that sends, or will. */
static bool is_live(const struct matcher *x, const struct vnic *v)
{
	return v->link && !binding_unschedulable(v->link) && binding_is_live(v->link) &&
	       !reach_is_port(x->reach, v->link);
}

/* What the selector is compared with; NULL: the vNIC has nothing of the kind. */
static const char *text_of(const struct vnic *v, enum selector_kind kind)
{
	switch (kind) {
	case SELECT_NIC:
		return v->name;
	case SELECT_VM:
		return v->open && v->open->vm[0] ? v->open->vm : NULL;
	case SELECT_MAC:
		return v->open && v->open->mac[0] ? v->open->mac : NULL;
	case SELECT_CONTAINER: /* it may have several names */
		return NULL;
	}
	return NULL;
}

static const char *instance_of(const struct node *device, const struct vnic *v)
{
	return model_is_each(device) ? text_of(v, device->select) : "";
}

/* The selector's text fits; whether the vNIC is one that the device may have. */
static int consider(struct matcher *x, uint32_t node, const struct vnic *v)
{
	const struct node *device = &x->m->nodes[node];
	bool pattern = model_is_pattern(device);
	bool of_vnic = device->select == SELECT_NIC || device->select == SELECT_MAC;

	if (x->many && (pattern || !of_vnic)) {
		uint32_t uplink = v->link ? reach_uplink(x->reach, v->link) : NODE_NONE;

		if (uplink != model_uplink_of(x->m, node))
			return refuse(x, node, uplink == NODE_NONE ? REFUSED_ASTRAY : REFUSED_ELSEWHERE, v,
				      NODE_NONE);
	}
	if (device->as == AS_EACH && v->open &&
	    !namesakes_chosen(x->namesakes, node, instance_of(device, v), v->open))
		return refuse(x, node, REFUSED_NAMESAKE, v, NODE_NONE);
	return put_node(&x->fits, node);
}

static int consider_keys(struct matcher *x, enum selector_kind kind, const char *text, const struct vnic *v)
{
	const struct keys *l = &x->keys[kind];
	size_t lo = 0, hi = l->n;
	int err = 0;

	if (!text)
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(l->list[mid].text, text) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < l->n && strcmp(l->list[lo].text, text) == 0 && err >= 0; lo++)
		err = consider(x, l->list[lo].node, v);
	return err;
}

/* The containers that the other end of a veth is in. */
static int consider_containers(struct matcher *x, const struct vnic *v)
{
	const struct host *h = x->in->host;
	size_t lo = 0, hi = h->n_containers;
	int err = 0;

	if (!v->link || v->link->kind != LINK_VETH || v->link->peer_netns < 0)
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->containers[mid].nsid < v->link->peer_netns)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->n_containers && h->containers[lo].nsid == v->link->peer_netns && err >= 0; lo++)
		err = consider_keys(x, SELECT_CONTAINER, h->containers[lo].selector, v);
	return err;
}

/* A VM's number is given by its manager, and goes before a name, which a tenant may choose. */
static bool is_number_of_another(const struct host *h, const struct vmm_nic *open)
{
	if (open->vm[strspn(open->vm, "0123456789")] != '\0') /* numbers have digits alone */
		return false;
	for (size_t i = 0; open->vm[0] && i < h->n_nics; i++)
		if (strcmp(h->nics[i].vmid, open->vm) == 0 && h->nics[i].pid != open->pid)
			return true;
	return false;
}

static int consider_vm(struct matcher *x, const struct vnic *v)
{
	const struct vmm_nic *open = v->open;
	int err = 0;

	if (!open)
		return 0;
	if (open->vmid[0] && strcmp(open->vmid, open->vm) != 0)
		err = consider_keys(x, SELECT_VM, open->vmid, v);
	return err >= 0 && open->vm[0] && !is_number_of_another(x->in->host, open) ?
		       consider_keys(x, SELECT_VM, open->vm, v) :
		       err;
}

static int consider_nic(struct matcher *x, const struct vnic *v)
{
	int err = consider_keys(x, SELECT_NIC, v->name, v);

	for (const char *at = v->link ? v->link->altnames : ""; *at && err >= 0; at += strlen(at) + 1)
		err = consider_keys(x, SELECT_NIC, at, v);
	return err;
}

static int consider_all(struct matcher *x, const struct vnic *v)
{
	int err;

	x->fits.n = 0;
	err = consider_nic(x, v);
	if (err >= 0)
		err = consider_vm(x, v);
	if (err >= 0)
		err = consider_keys(x, SELECT_MAC, text_of(v, SELECT_MAC), v);
	if (err >= 0)
		err = consider_containers(x, v);
	for (size_t i = 0; x->patterns.n && i < x->patterns.n && err >= 0 && is_live(x, v); i++) {
		const struct node *device = &x->m->nodes[x->patterns.list[i]];
		const char *text = text_of(v, device->select);

		if (text && pattern_matches(device->selector, text))
			err = consider(x, x->patterns.list[i], v);
	}
	return err;
}

/* --- who has it --------------------------------------------------------------------------------- */

static int precedence(const struct node *device)
{
	bool of_vnic = device->select == SELECT_NIC || device->select == SELECT_MAC;

	return (model_is_pattern(device) ? 0 : 2) + of_vnic;
}

/* Below 0: a is more specific than b; 0: neither is. */
static int compare_fits(const struct model *m, uint32_t a, uint32_t b)
{
	int x = precedence(&m->nodes[a]), y = precedence(&m->nodes[b]);

	if (x != y)
		return y - x;
	if (model_is_pattern(&m->nodes[a]))
		return pattern_compare(m->nodes[a].selector, m->nodes[b].selector);
	return (a > b) - (a < b);
}

static int put_match(struct matcher *x, uint32_t node, const char *instance, const struct vnic *v)
{
	struct match_list *l = &x->out;

	if (array_reserve(&l->list, l->n, sizeof(*l->list)) < 0)
		return -ENOMEM;
	l->list[l->n++] = (struct match){
		.node = node, .instance = instance, .nic = v->name, .link = v->link, .open = v->open
	};
	return 0;
}

/* Give the vNIC to one of those that it fits. */
static int decide(struct matcher *x, const struct vnic *v)
{
	uint32_t best, tied = NODE_NONE;
	int err = 0;

	if (!x->fits.n)
		return 0;
	best = x->fits.list[0];
	for (size_t i = 1; i < x->fits.n; i++)
		if (compare_fits(x->m, x->fits.list[i], best) < 0)
			best = x->fits.list[i];
	for (size_t i = 0; i < x->fits.n && err >= 0; i++) {
		uint32_t node = x->fits.list[i];

		if (node == best)
			continue;
		if (compare_fits(x->m, node, best) == 0) {
			tied = tied == NODE_NONE ? node : tied;
			err = refuse(x, node, REFUSED_TIED, v, best);
		} else {
			err = refuse(x, node, REFUSED_CLAIMED, v, best);
		}
	}
	if (err >= 0 && tied != NODE_NONE)
		return refuse(x, best, REFUSED_TIED, v, tied);
	return err < 0 ? err : put_match(x, best, instance_of(&x->m->nodes[best], v), v);
}

/* --- others ------------------------------------------------------------------------------------- */

/*
 * What no device has. A veth of which both ends are here leads from a bridge to another one, and a tap behind a
 * bridge whose veth is divided already would be charged twice.
 */
static int give_to_others(struct matcher *x, const struct vnic *v, const struct patch_list *patches)
{
	const struct patch *patch;
	uint32_t uplink;

	/* A macvlan that is here is the host's own interface: a container's is in its namespace. */
	if (!is_live(x, v) || patch_is_inside(v->link) ||
	    (binding_is_lower(v->link) && v->link->kind != LINK_MACVTAP))
		return 0;
	patch = patch_of(patches, v->link);
	if (patch && patch->outward)
		return 0;
	uplink = reach_uplink(x->reach, v->link);
	for (size_t i = 0; i < x->others.n; i++) {
		uint32_t node = x->others.list[i];
		int err = 0;

		if (uplink == x->m->nodes[node].parent)
			err = put_match(x, node, v->name, v);
		else if (uplink == NODE_NONE)
			err = refuse(x, node, REFUSED_ASTRAY, v, NODE_NONE);
		if (err < 0)
			return err;
	}
	return 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int compare_vnic(const void *a, const void *b)
{
	return strcmp(((const struct vnic *)a)->name, ((const struct vnic *)b)->name);
}

/* All links, and taps that only /proc knows, by name. */
static int list_vnics(const struct host *h, struct vnic **list, size_t *n)
{
	_cleanup_free_ const struct link **by_name = host_by_name(h);
	struct vnic *all = calloc(h->n_links + h->n_nics + 1, sizeof(*all));

	if (!by_name || !all) {
		free(all);
		return -ENOMEM;
	}
	*n = 0;
	for (size_t i = 0; i < h->n_links; i++)
		all[(*n)++] = (struct vnic){ .name = h->links[i].name,
					     .link = &h->links[i],
					     .open = host_nic(h, h->links[i].name) };
	for (size_t i = 0; i < h->n_nics; i++)
		if (!host_called(h, by_name, h->nics[i].tap))
			all[(*n)++] = (struct vnic){ .name = h->nics[i].tap, .open = &h->nics[i] };
	if (*n)
		qsort(all, *n, sizeof(*all), compare_vnic);
	*list = all;
	return 0;
}

static int compare_match(const void *a, const void *b)
{
	const struct match *x = a, *y = b;
	int r;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	r = strcmp(x->instance, y->instance);
	return r ? r : strcmp(x->nic, y->nic);
}

static int compare_refusal(const void *a, const void *b)
{
	const struct refusal *x = a, *y = b;
	int r;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	r = strcmp(x->nic, y->nic);
	return r ? r : (x->other > y->other) - (x->other < y->other);
}

static int run(struct matcher *x, const struct vnic *list, size_t n)
{
	_cleanup_(patch_list_free) struct patch_list patches = { 0 };
	_cleanup_free_ bool *left = calloc(n + 1, sizeof(*left));
	int err = left ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && err >= 0; i++) {
		size_t had = x->out.n;

		err = consider_all(x, &list[i]);
		if (err >= 0)
			err = decide(x, &list[i]);
		if (err < 0)
			return err;
		left[i] = x->out.n == had;
		if (!left[i] && list[i].link)
			err = patch_add(&patches, x->in->host, list[i].link);
	}
	patch_seal(&patches);
	for (size_t i = 0; i < n && err >= 0; i++)
		if (left[i] && x->others.n)
			err = give_to_others(x, &list[i], &patches);
	if (x->out.n)
		qsort(x->out.list, x->out.n, sizeof(*x->out.list), compare_match);
	if (x->out.n_refused)
		qsort(x->out.refused, x->out.n_refused, sizeof(*x->out.refused), compare_refusal);
	return err;
}

int match_all(const struct model *m, const struct match_input *in, struct match_list *out)
{
	_cleanup_(matcher_free) struct matcher x = { .m = m, .in = in };
	_cleanup_free_ struct vnic *list = NULL;
	size_t n = 0;
	int err = sort_selectors(&x);

	if (err >= 0)
		err = list_vnics(in->host, &list, &n);
	if (err < 0)
		return err;
	x.reach = reach_new(m, in->host);
	x.namesakes = namesakes_new(&(struct namesake_input){ .m = m,
							       .h = in->host,
							       .bound = in->bound,
							       .n_bound = in->n_bound,
							       .classids = in->classids });
	if (!x.reach || !x.namesakes)
		return -ENOMEM;
	err = run(&x, list, n);
	if (err < 0)
		return err;
	*out = x.out;
	x.out = (struct match_list){ 0 };
	return 0;
}

const struct refusal *match_refusal(const struct match_list *l, uint32_t node)
{
	size_t lo = 0, hi = l->n_refused;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->refused[mid].node < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n_refused && l->refused[lo].node == node ? &l->refused[lo] : NULL;
}
