// SPDX-License-Identifier: GPL-2.0-or-later
#include "tree.h"

#include "base/cleanup.h"
#include "core/entitle.h"

#include <errno.h>
#include <string.h>

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n_uplinks; i++)
		free(t->uplinks[i].classes);
	free(t->uplinks);
	free(t->vnics);
	*t = (struct tree){ 0 };
}

void tree_freep(struct tree *t)
{
	tree_free(t);
}

struct tree_uplink *tree_uplink_named(const struct tree *t, const char *name)
{
	for (size_t i = 0; i < t->n_uplinks; i++)
		if (strcmp(t->uplinks[i].name, name) == 0)
			return &t->uplinks[i];
	return NULL;
}

static int compare_vnic(const void *a, const void *b)
{
	uint32_t x = ((const struct tree_vnic *)a)->ifindex, y = ((const struct tree_vnic *)b)->ifindex;

	return (x > y) - (x < y);
}

void tree_sort_vnics(struct tree_vnic *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), compare_vnic);
}

struct tree_vnic *tree_vnic(const struct tree *t, uint32_t ifindex)
{
	struct tree_vnic key = { .ifindex = ifindex };

	return t->n_vnics ? bsearch(&key, t->vnics, t->n_vnics, sizeof(key), compare_vnic) : NULL;
}

struct tree_class *tree_class(const struct tree_uplink *u, uint16_t minor)
{
	for (size_t i = 0; i < u->n_classes; i++)
		if (u->classes[i].htb.minor == minor)
			return &u->classes[i];
	return NULL;
}

/* What the build of a tree shares among its steps. */
struct build {
	const struct model *model;
	const struct binding *bindings;
	const uint16_t *minors;
	const struct sizing_host *sizing;
	bool fq_codel;
	struct rate *entitled; /* per node */
	struct rate *ceil;     /* per node: own limit and those above */
	uint32_t *quantum;     /* per node */
	uint32_t *uplink;      /* per node: index in the tree */
};

static void build_free(struct build *b)
{
	free(b->entitled);
	free(b->ceil);
	free(b->quantum);
	free(b->uplink);
}

/*
 * A leaf that borrows from an ancestor competes there with leaves of other networks, and HTB's
 * round robin passes every leaf once in a round: quanta are proportional over the whole uplink, to
 * what each leaf is entitled to, not among siblings alone.
 */
static int share_out_quanta(struct build *b)
{
	const struct model *m = b->model;
	_cleanup_free_ struct rate *part = calloc(m->n_nodes + 1, sizeof(*part));
	_cleanup_free_ uint32_t *quantum = calloc(m->n_nodes + 1, sizeof(*quantum));
	_cleanup_free_ uint32_t *leaf = calloc(m->n_nodes + 1, sizeof(*leaf));

	if (!part || !quantum || !leaf)
		return -ENOMEM;
	for (size_t first = 0, next; first < m->n_nodes; first = next) {
		size_t n = 0;

		for (next = first + 1; next < m->n_nodes && m->nodes[next].kind != NODE_UPLINK; next++) {
			if (m->nodes[next].kind != NODE_DEVICE || !b->bindings[next].bound)
				continue;
			part[n] = b->entitled[next];
			leaf[n++] = (uint32_t)next;
		}
		sizing_quanta(b->sizing, part, n, quantum);
		for (size_t i = 0; i < n; i++)
			b->quantum[leaf[i]] = quantum[i];
	}
	return 0;
}

static int prepare(struct build *b)
{
	const struct model *m = b->model;
	_cleanup_free_ struct rate *demand = calloc(m->n_nodes + 1, sizeof(*demand));
	int err;

	b->entitled = calloc(m->n_nodes + 1, sizeof(*b->entitled));
	b->ceil = calloc(m->n_nodes + 1, sizeof(*b->ceil));
	b->quantum = calloc(m->n_nodes + 1, sizeof(*b->quantum));
	b->uplink = calloc(m->n_nodes + 1, sizeof(*b->uplink));
	if (!demand || !b->entitled || !b->ceil || !b->quantum || !b->uplink)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct node *node = &m->nodes[i];

		if (node->kind == NODE_DEVICE && b->bindings[i].bound)
			demand[i] = RATE_UNLIMITED;
		b->ceil[i] = node->parent == NODE_NONE ? node->limit :
							 rate_min(node->limit, b->ceil[node->parent]);
	}
	err = entitle(m, demand, b->entitled);
	return err < 0 ? err : share_out_quanta(b);
}

static struct rate at_least_minimum(struct rate r)
{
	return r.bytes_ps < RATE_MIN_BYTES_PS ? (struct rate){ RATE_MIN_BYTES_PS } : r;
}

/*
 * Class of an inner node, or of a leaf where binding is given; *sndbuf: the leaf's, if backpressure is
 * wanted.
 */
static struct tree_class make_class(const struct build *b, size_t i, const struct binding *binding,
				    uint32_t *sndbuf)
{
	const struct node *node = &b->model->nodes[i];
	const struct node *uplink = &b->model->nodes[model_uplink_of(b->model, (uint32_t)i)];
	bool root = node->kind == NODE_UPLINK;
	struct tree_class c = { 0 };
	struct sizing size;

	c.htb.minor = root ? TREE_MINOR_ROOT : b->minors[i];
	c.htb.parent = root ? 0 : b->model->nodes[node->parent].kind == NODE_UPLINK ? TREE_MINOR_ROOT :
										      b->minors[node->parent];
	c.htb.ceil = b->ceil[i];
	c.htb.rate = root ? b->ceil[i] : at_least_minimum(b->entitled[i]);
	c.htb.overhead = uplink->overhead;
	c.htb.leaf = binding != NULL;
	sizing_class(b->sizing, c.htb.rate, c.htb.ceil, binding ? binding->queues : 1, &size);
	c.htb.burst = size.burst;
	c.htb.cburst = size.cburst;
	if (binding) {
		c.htb.quantum = b->quantum[i];
		c.leaf = binding->backpressure ? size.wait : b->fq_codel ? size.codel : size.drop;
		*sndbuf = binding->backpressure ? size.sndbuf : 0;
	}
	return c;
}

/* Nothing comes here while all is well: a class is deleted only when no filter names it any more. */
static struct tree_class default_leaf(const struct build *b, size_t uplink)
{
	struct tree_class c = { .htb = { .minor = TREE_MINOR_DEFAULT, .parent = TREE_MINOR_ROOT } };
	struct sizing size;

	c.htb.rate = (struct rate){ RATE_MIN_BYTES_PS };
	c.htb.ceil = b->ceil[uplink];
	c.htb.overhead = b->model->nodes[uplink].overhead;
	c.htb.leaf = true;
	c.htb.quantum = b->sizing->gso_max;
	sizing_class(b->sizing, c.htb.rate, c.htb.ceil, 1, &size);
	c.htb.burst = size.burst;
	c.htb.cburst = size.cburst;
	c.leaf = size.drop;
	return c;
}

static bool has_bound_device(const struct build *b, size_t network)
{
	for (size_t i = network + 1; i < b->model->n_nodes && b->model->nodes[i].kind == NODE_DEVICE &&
				     b->model->nodes[i].parent == network; i++)
		if (b->bindings[i].bound)
			return true;
	return false;
}

static void add_node(const struct build *b, struct tree *t, size_t i, struct tree_uplink *u)
{
	const struct node *node = &b->model->nodes[i];
	const struct binding *binding = &b->bindings[i];

	if (node->kind == NODE_DEVICE && binding->bound) {
		struct tree_vnic *v = &t->vnics[t->n_vnics++];

		*v = (struct tree_vnic){ .ifindex = binding->ifindex,
					 .uplink = (uint32_t)(u - t->uplinks),
					 .minor = b->minors[i],
					 .node = (uint32_t)i };
		u->classes[u->n_classes++] = make_class(b, i, binding, &v->sndbuf);
	} else if (node->kind == NODE_NETWORK && has_bound_device(b, i)) {
		u->classes[u->n_classes++] = make_class(b, i, NULL, NULL);
	}
}

static int build_uplink(const struct build *b, struct tree *t, size_t first, size_t next)
{
	struct tree_uplink *u = &t->uplinks[t->n_uplinks];

	u->classes = calloc(next - first + 1, sizeof(*u->classes));
	if (!u->classes)
		return -ENOMEM;
	t->n_uplinks++;
	memcpy(u->name, b->model->nodes[first].name, sizeof(u->name) - 1);
	u->classes[u->n_classes++] = make_class(b, first, NULL, NULL);
	u->classes[u->n_classes++] = default_leaf(b, first);
	for (size_t i = first + 1; i < next; i++)
		add_node(b, t, i, u);
	return 0;
}

int tree_build(const struct model *m, const struct binding *bindings, const uint16_t *minors,
	       const struct sizing_host *sizing, bool fq_codel, struct tree *out)
{
	_cleanup_(build_free) struct build b = {
		.model = m, .bindings = bindings, .minors = minors, .sizing = sizing, .fq_codel = fq_codel
	};
	_cleanup_(tree_freep) struct tree t = { 0 };
	int err = prepare(&b);

	if (err < 0)
		return err;
	t.uplinks = calloc(m->n_nodes + 1, sizeof(*t.uplinks));
	t.vnics = calloc(m->n_nodes + 1, sizeof(*t.vnics));
	if (!t.uplinks || !t.vnics)
		return -ENOMEM;
	for (size_t first = 0, next; first < m->n_nodes; first = next) {
		for (next = first + 1; next < m->n_nodes && m->nodes[next].kind != NODE_UPLINK; next++)
			;
		err = build_uplink(&b, &t, first, next);
		if (err < 0)
			return err;
	}
	tree_sort_vnics(t.vnics, t.n_vnics);
	*out = t;
	t = (struct tree){ 0 };
	return 0;
}
