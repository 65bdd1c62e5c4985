// SPDX-License-Identifier: GPL-2.0-or-later
#include "tree.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "core/entitle.h"

#include <errno.h>
#include <string.h>

/* HTB takes no class without a rate. Raising it later is no way to lend: HTB keeps up to 60 s of its debt. */
#define NETWORK_RATE ((struct rate){ RATE_MIN_BYTES_PS })

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

static int compare_uplink(const void *a, const void *b)
{
	const struct tree_uplink *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->direction > y->direction) - (x->direction < y->direction);
}

static int compare_vnic(const void *a, const void *b)
{
	const struct tree_vnic *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->direction > y->direction) - (x->direction < y->direction);
}

int tree_sort(struct tree *t)
{
	_cleanup_free_ uint32_t *now = calloc(t->n_uplinks + 1, sizeof(*now));
	_cleanup_free_ uint32_t *ifb = calloc(t->n_uplinks + 1, sizeof(*ifb));

	if (!now || !ifb)
		return -ENOMEM;
	/* While it is sorted, an uplink is known by its place before, which its ifb's field holds. */
	for (size_t i = 0; i < t->n_uplinks; i++) {
		ifb[i] = t->uplinks[i].ifb;
		t->uplinks[i].ifb = (uint32_t)i;
	}
	if (t->n_uplinks)
		qsort(t->uplinks, t->n_uplinks, sizeof(*t->uplinks), compare_uplink);
	for (size_t i = 0; i < t->n_uplinks; i++) {
		uint32_t before = t->uplinks[i].ifb;

		now[before] = (uint32_t)i;
		t->uplinks[i].ifb = ifb[before];
	}
	for (size_t i = 0; i < t->n_vnics; i++)
		t->vnics[i].uplink = now[t->vnics[i].uplink];
	if (t->n_vnics)
		qsort(t->vnics, t->n_vnics, sizeof(*t->vnics), compare_vnic);
	return 0;
}

struct tree_uplink *tree_uplink(const struct tree *t, const char *name, enum direction direction)
{
	struct tree_uplink key = { .direction = direction };

	if (!t->n_uplinks || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, t->uplinks, t->n_uplinks, sizeof(key), compare_uplink);
}

uint32_t *tree_match(const struct tree *from, const struct tree *to)
{
	uint32_t *at = calloc(from->n_uplinks + 1, sizeof(*at));

	for (size_t i = 0; at && i < from->n_uplinks; i++) {
		const struct tree_uplink *u = tree_uplink(to, from->uplinks[i].name, from->uplinks[i].direction);

		at[i] = u ? (uint32_t)(u - to->uplinks) : NODE_NONE;
	}
	return at;
}

struct tree_vnic *tree_vnic(const struct tree *t, uint32_t ifindex, enum direction direction)
{
	const struct tree_vnic key = { .ifindex = ifindex, .direction = direction };

	return t->n_vnics ? bsearch(&key, t->vnics, t->n_vnics, sizeof(key), compare_vnic) : NULL;
}

struct tree_vnic *tree_same_vnic(const struct tree *t, const struct tree_vnic *v)
{
	return tree_vnic(t, v->ifindex, v->direction);
}

bool tree_has_vnic(const struct tree *t, uint32_t ifindex)
{
	return byifindex_find(t->vnics, t->n_vnics, sizeof(*t->vnics), ifindex);
}

/* What a manager that sets up a vNIC may stumble over. */
#define TC_HOOKS (HOOK_FILTER | HOOK_EGRESS)

unsigned int tree_hooks_due(const struct tree_vnic *want, const struct tree_vnic *have)
{
	unsigned int there = have ? have->hooks : 0;

	if (!want->not_before_ns || there & TC_HOOKS)
		return want->hooks;
	return (want->hooks | there) & ~(unsigned int)TC_HOOKS;
}

bool tree_vnic_lacks(const struct tree_vnic *want, const struct tree_vnic *have)
{
	return !have || want->hooks & ~have->hooks;
}

/* What the build of a tree shares among its steps. */
struct build {
	const struct model *model; /* in this direction */
	enum direction direction;
	const struct tree_input *in;
	struct rate *entitled; /* per node, when every bound device sends */
	struct rate *ceil;     /* per node: its limit and those above it */
	uint32_t *quantum;     /* per node */
	bool *used;            /* per node: a bound device is at or below it */
};

static void build_free(struct build *b)
{
	free(b->entitled);
	free(b->ceil);
	free(b->quantum);
	free(b->used);
}

static bool is_bound(const struct build *b, const struct binding *binding)
{
	return binding->bound && (b->direction == DIRECTION_TX || binding->rx);
}

/* A device's first vNIC is bound if any is; in the other direction any of them may be. */
static bool is_device_bound(const struct build *b, uint32_t k)
{
	do {
		if (is_bound(b, &b->in->bindings[k]))
			return true;
	} while (binding_next(b->in->bindings, &k));
	return false;
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
			if (!b->used[next] || m->nodes[next].kind != NODE_DEVICE)
				continue;
			part[n] = b->entitled[next];
			leaf[n++] = (uint32_t)next;
		}
		sizing_quanta(b->in->sizing, part, n, quantum);
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
	b->used = calloc(m->n_nodes + 1, sizeof(*b->used));
	if (!demand || !b->entitled || !b->ceil || !b->quantum || !b->used)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct node *node = &m->nodes[i];

		if (node->kind == NODE_DEVICE && is_device_bound(b, (uint32_t)i)) {
			demand[i] = RATE_UNLIMITED;
			b->used[i] = true;
		}
		b->ceil[i] = node->parent == NODE_NONE ? node->limit :
							 rate_min(node->limit, b->ceil[node->parent]);
	}
	/* Children stand behind their parents. */
	for (size_t i = m->n_nodes; i-- > 0;)
		if (b->used[i] && m->nodes[i].parent != NODE_NONE)
			b->used[m->nodes[i].parent] = true;
	err = entitle(m, demand, b->entitled);
	return err < 0 ? err : share_out_quanta(b);
}

static struct rate at_least_minimum(struct rate r)
{
	return r.bytes_ps < RATE_MIN_BYTES_PS ? (struct rate){ RATE_MIN_BYTES_PS } : r;
}

/*
 * The class of node i, which stands under the uplink at node uplink. Leaves alone have guarantees. What HTB divides
 * beyond them it then divides at one level, the uplink's (core/quanta.c), and a leaf within its guarantee is served
 * whatever the networks above it have sent. A network holds to its ceiling all the same.
 */
static struct tree_class make_class(const struct build *b, size_t i, size_t uplink)
{
	const struct node *node = &b->model->nodes[i];
	bool root = node->kind == NODE_UPLINK, network = node->kind == NODE_NETWORK;
	struct tree_class c = { .node = (uint32_t)i };

	c.htb.minor = b->in->minors[i];
	c.htb.parent = root ? 0 : b->in->minors[node->parent];
	c.htb.ceil = b->ceil[i];
	c.htb.rate = root ? b->ceil[i] : network ? NETWORK_RATE : at_least_minimum(b->entitled[i]);
	c.htb.overhead = b->model->nodes[uplink].overhead;
	return c;
}

/* What a node may save up is what its specification says, and no less than what keeps the class busy. */
static uint64_t bucket(uint64_t sized, const struct node *node)
{
	return node->burst > sized ? node->burst : sized;
}

static struct tree_class inner_class(const struct build *b, size_t i, size_t uplink)
{
	struct tree_class c = make_class(b, i, uplink);
	struct sizing size;

	sizing_class(b->in->sizing, c.htb.rate, c.htb.ceil, 1, &size);
	c.htb.burst = size.burst;
	c.htb.cburst = bucket(size.cburst, &b->model->nodes[i]);
	return c;
}

/*
 * *sndbuf: the send buffer for backpressure of each of its vNICs' queues, bytes of truesize. A leaf whose vNICs are
 * not all held back may have to drop.
 */
static struct tree_class leaf_class(const struct build *b, size_t i, size_t uplink, uint32_t *sndbuf)
{
	struct tree_class c = make_class(b, i, uplink);
	bool all_held = true;
	uint32_t queues = 0, k = (uint32_t)i;
	struct sizing size;

	do {
		const struct binding *binding = &b->in->bindings[k];

		if (!is_bound(b, binding))
			continue;
		queues += binding->queues;
		all_held &= binding->backpressure && b->direction == DIRECTION_TX;
	} while (binding_next(b->in->bindings, &k));
	sizing_class(b->in->sizing, c.htb.rate, c.htb.ceil, queues, &size);
	c.htb.burst = bucket(size.burst, &b->model->nodes[i]);
	c.htb.cburst = bucket(size.cburst, &b->model->nodes[i]);
	c.htb.leaf = true;
	c.htb.quantum = b->quantum[i];
	c.rest = (struct tree_rest){ .ceil = c.htb.ceil, .cburst = c.htb.cburst, .quantum = c.htb.quantum };
	c.leaf = all_held	    ? size.wait :
		 b->in->fq_codel    ? size.codel :
		 b->direction == DIRECTION_TX ? size.drop :
						size.early;
	*sndbuf = size.sndbuf;
	return c;
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Beside others the program stands aside, and a filter behind theirs divides. */
static unsigned int hooks_of(const struct tree_input *in, enum hook_place place, uint32_t ifindex)
{
	if (!in->tcx || place != PLACE_TCX)
		return HOOK_FILTER;
	return in->n_shared && bsearch(&ifindex, in->shared, in->n_shared, sizeof(ifindex), compare_ifindex) ?
		       HOOK_TCX | HOOK_FILTER :
		       HOOK_TCX;
}

/* A macvtap has its own ends the other way round. */
static bool is_at_egress(const struct binding *binding, enum direction direction)
{
	return (direction == DIRECTION_RX) != binding->lower;
}

static struct tree_vnic make_vnic(const struct build *b, size_t node, uint32_t k, uint32_t sndbuf)
{
	const struct binding *binding = &b->in->bindings[k];
	enum hook_place place = b->model->nodes[node].hook;
	struct tree_vnic v = { .ifindex = binding->ifindex,
			       .direction = b->direction,
			       .minor = b->in->minors[node],
			       .place = place == PLACE_FIRST ? PLACE_FIRST : PLACE_LAST,
			       .node = (uint32_t)node,
			       .binding = k };

	if (is_at_egress(binding, b->direction)) {
		v.hooks = HOOK_EGRESS;
		v.egress = binding->egress;
	} else {
		v.hooks = b->direction == DIRECTION_TX ? hooks_of(b->in, place, binding->ifindex) : HOOK_FILTER;
	}
	if (b->direction == DIRECTION_TX && binding->backpressure)
		v.sndbuf = sndbuf;
	return v;
}

/* Its packets go to this class. */
static void put_vnics(const struct build *b, struct tree *t, size_t node, uint32_t sndbuf)
{
	uint32_t k = (uint32_t)node;

	do {
		if (!is_bound(b, &b->in->bindings[k]))
			continue;
		t->vnics[t->n_vnics] = make_vnic(b, node, k, sndbuf);
		t->vnics[t->n_vnics++].uplink = (uint32_t)t->n_uplinks;
	} while (binding_next(b->in->bindings, &k));
}

/* No packet comes here while all is well: a class is deleted only when no filter names it any more. */
static struct tree_class default_leaf(const struct build *b, size_t uplink)
{
	struct tree_class c = { .htb = { .minor = CLASSID_DEFAULT, .parent = CLASSID_ROOT },
				.node = NODE_NONE };
	struct sizing size;

	c.htb.rate = (struct rate){ RATE_MIN_BYTES_PS };
	c.htb.ceil = b->ceil[uplink];
	c.htb.overhead = b->model->nodes[uplink].overhead;
	c.htb.leaf = true;
	c.htb.quantum = b->in->sizing->gso_max;
	sizing_class(b->in->sizing, c.htb.rate, c.htb.ceil, 1, &size);
	c.htb.burst = size.burst;
	c.htb.cburst = size.cburst;
	c.leaf = size.drop;
	return c;
}

/*
 * The kernel drops packets that come to a busy IFB where more than burst_limit do: the send buffers of the vNICs from
 * the first on, which are one uplink's, hold no more together where they can.
 */
static int bound_buffers(const struct build *b, struct tree *t, size_t first)
{
	_cleanup_free_ struct sizing_buffer *list = calloc(t->n_vnics - first + 1, sizeof(*list));
	size_t n = t->n_vnics - first;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct tree_vnic *v = &t->vnics[first + i];
		struct sizing size;

		if (!v->sndbuf)
			continue;
		sizing_class(b->in->sizing, at_least_minimum(b->entitled[v->node]), b->ceil[v->node], 1, &size);
		list[i] = (struct sizing_buffer){ v->sndbuf, size.own_sndbuf, b->in->bindings[v->binding].queues };
	}
	sizing_bound(list, n, b->in->burst_limit);
	for (size_t i = 0; i < n; i++)
		t->vnics[first + i].sndbuf = list[i].sndbuf;
	return 0;
}

static int build_uplink(const struct build *b, struct tree *t, size_t first, size_t next)
{
	struct tree_uplink *u = &t->uplinks[t->n_uplinks];
	size_t first_vnic = t->n_vnics;

	u->classes = calloc(next - first + 1, sizeof(*u->classes));
	if (!u->classes)
		return -ENOMEM;
	memcpy(u->name, b->model->nodes[first].name, sizeof(u->name) - 1);
	u->direction = b->direction;
	u->node = (uint32_t)first;
	u->classes[u->n_classes++] = inner_class(b, first, first);
	u->classes[u->n_classes++] = default_leaf(b, first);
	for (size_t i = first + 1; i < next; i++) {
		uint32_t sndbuf = 0;

		if (!b->used[i])
			continue;
		if (b->model->nodes[i].kind == NODE_NETWORK) {
			u->classes[u->n_classes++] = inner_class(b, i, first);
			continue;
		}
		u->classes[u->n_classes++] = leaf_class(b, i, first, &sndbuf);
		put_vnics(b, t, i, sndbuf);
	}
	t->n_uplinks++;
	return b->in->burst_limit ? bound_buffers(b, t, first_vnic) : 0;
}

/* The trees of one direction. An uplink of whose VMs nothing is received by share has none there. */
static int build_direction(const struct model *m, enum direction direction, const struct tree_input *in, struct tree *t)
{
	_cleanup_(build_free) struct build b = { .model = m, .direction = direction, .in = in };
	_cleanup_free_ bool *part = direction_parts(m, direction);
	int err = part ? prepare(&b) : -ENOMEM;

	for (size_t first = 0, next; first < m->n_nodes && err >= 0; first = next) {
		next = model_uplink_end(m, first);
		if (direction == DIRECTION_TX || part[first])
			err = build_uplink(&b, t, first, next);
	}
	return err;
}

int tree_build(const struct model *m, const struct tree_input *in, struct tree *out)
{
	_cleanup_(tree_freep) struct tree t = { 0 };
	int err;

	t.uplinks = calloc(N_DIRECTIONS * (m->n_nodes + 1), sizeof(*t.uplinks));
	t.vnics = calloc(N_DIRECTIONS * (in->n_bindings + 1), sizeof(*t.vnics));
	if (!t.uplinks || !t.vnics)
		return -ENOMEM;
	err = build_direction(m, DIRECTION_TX, in, &t);
	if (err >= 0 && in->rx)
		err = build_direction(in->rx, DIRECTION_RX, in, &t);
	if (err >= 0)
		err = tree_sort(&t);
	if (err < 0)
		return err;
	*out = t;
	t = (struct tree){ 0 };
	return 0;
}
