/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What holds of every tree of classes, on random forests of uplinks, networks in networks, and devices. */

#include "plan_rig.h"

#include <math.h>

#define TRIALS 4000
#define DEPTH 8 /* TC_HTB_MAXDEPTH (include/uapi/linux/pkt_sched.h): uplink, six networks, device */

/* --- random models ------------------------------------------------------------------------------ */

struct forest {
	struct model model;
	struct binding *bindings; /* one a node */
	uint16_t *minors;         /* one a node, in no order */
	size_t n_bound;
	bool fq_codel;
	bool valid; /* model_validate() takes it */
	bool tcx;
	uint32_t shared[500];
	size_t n_shared;
	uint64_t burst_limit;
};

static void grow(struct model *m, uint32_t parent, uint64_t capacity, int depth)
{
	uint32_t n = rnd_below(5);
	char name[16];

	for (uint32_t k = 0; k < n; k++) {
		bool network = depth > 0 && one_in(2);
		uint32_t i;

		snprintf(name, sizeof(name), "%zu", m->n_nodes);
		i = network ? add_network(m, parent, name) : add_device(m, parent, name, SELECT_NIC, name);
		m->nodes[i].share.weight = 1 + rnd_below(one_in(8) ? SHARE_MAX : 100);
		if (one_in(3))
			m->nodes[i].limit.bytes_ps =
				RATE_MIN_BYTES_PS + rnd() % (capacity - RATE_MIN_BYTES_PS);
		if (network)
			grow(m, i, capacity, depth - 1);
	}
}

/* Of some devices: together at most half of the capacity, and of each limit above them. */
static void reserve_some(struct model *m)
{
	_cleanup_free_ uint64_t *room = calloc(m->n_nodes, sizeof(*room));

	assert_non_null(room);
	for (uint32_t i = 0; i < m->n_nodes; i++)
		room[i] = m->nodes[i].limit.bytes_ps / 2;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		uint64_t most = UINT64_MAX;

		if (m->nodes[i].kind != NODE_DEVICE || !one_in(3))
			continue;
		for (uint32_t k = i; k != NODE_NONE; k = m->nodes[k].parent)
			most = room[k] < most ? room[k] : most;
		m->nodes[i].reserve.bytes_ps = rnd() % (most / 2 + 1);
		for (uint32_t k = i; k != NODE_NONE; k = m->nodes[k].parent)
			room[k] -= m->nodes[i].reserve.bytes_ps;
	}
}

/* Bind some; each to a vNIC of its own, whose numbers are in no order. */
static void bind_some(struct forest *f)
{
	size_t n = f->model.n_nodes;
	_cleanup_free_ uint32_t *ifindex = calloc(n, sizeof(*ifindex));

	assert_non_null(ifindex);
	for (size_t i = 0; i < n; i++)
		ifindex[i] = (uint32_t)i + 5;
	shuffle(ifindex, n, sizeof(*ifindex));
	for (size_t i = 0; i < n; i++) {
		struct binding *b = &f->bindings[i];

		if (f->model.nodes[i].kind != NODE_DEVICE || one_in(3))
			continue;
		*b = (struct binding){ .bound = true, .ifindex = ifindex[i], .queues = 1 + rnd_below(4) };
		b->backpressure = one_in(2);
		f->n_bound++;
	}
}

static void number_all(struct forest *f)
{
	size_t n = f->model.n_nodes;

	for (size_t first = 0, next; first < n; first = next) {
		next = model_uplink_end(&f->model, first);
		for (size_t i = first; i < next; i++)
			f->minors[i] = (uint16_t)(CLASSID_FIRST + i - first);
		shuffle(f->minors + first, next - first, sizeof(*f->minors));
		f->minors[first] = CLASSID_ROOT;
	}
}

static void random_forest(struct forest *f)
{
	static const char *const names[] = { "eth1", "eth0", "a", "eth10" };
	struct model_error err;

	*f = (struct forest){ .fq_codel = one_in(2), .tcx = !one_in(3) };
	model_init(&f->model);
	for (uint32_t k = 0, n = 1 + rnd_below(4); k < n; k++) {
		uint64_t capacity = 2 * RATE_MIN_BYTES_PS + (rnd() % RATE_MAX_BYTES_PS >> rnd_below(26));
		uint32_t up = add_uplink(&f->model, names[k], capacity);

		f->model.nodes[up].overhead = (uint16_t)rnd_below(64);
		grow(&f->model, up, capacity, (int)rnd_below(DEPTH - 1));
	}
	reserve_some(&f->model);
	f->bindings = calloc(f->model.n_nodes, sizeof(*f->bindings));
	f->minors = calloc(f->model.n_nodes, sizeof(*f->minors));
	assert_true(f->bindings && f->minors);
	bind_some(f);
	number_all(f);
	for (size_t i = 0; i < f->model.n_nodes; i++)
		f->model.nodes[i].hook = f->model.nodes[i].kind == NODE_DEVICE ? rnd_below(3) : PLACE_LAST;
	for (uint32_t ifindex = 0; f->n_shared < ARRAY_SIZE(f->shared) && ifindex < 1000; ifindex++)
		if (one_in(3))
			f->shared[f->n_shared++] = ifindex;
	f->valid = model_validate(&f->model, &err) == 0;
}

static void forest_free(struct forest *f)
{
	model_free(&f->model);
	free(f->bindings);
	free(f->minors);
}

static void build(const struct forest *f, struct tree *t)
{
	struct tree_input in = { .bindings = f->bindings,
				 .n_bindings = f->model.n_nodes,
				 .minors = f->minors,
				 .sizing = &sizing_host_default,
				 .fq_codel = f->fq_codel,
				 .burst_limit = f->burst_limit,
				 .tcx = f->tcx,
				 .shared = f->shared,
				 .n_shared = f->n_shared };

	assert_int_equal(tree_build(&f->model, &in, t), 0);
}

/* --- what holds of an uplink's classes ---------------------------------------------------------- */

static const struct tree_class *class_of_minor(const struct tree_uplink *u, uint16_t minor)
{
	for (size_t i = 0; i < u->n_classes; i++)
		if (u->classes[i].htb.minor == minor)
			return &u->classes[i];
	return NULL;
}

static const struct tree_class *class_of_node(const struct tree_uplink *u, uint32_t node)
{
	const struct tree_class *found = NULL;

	for (size_t i = 0; i < u->n_classes; i++) {
		if (u->classes[i].node != node)
			continue;
		assert_null(found); /* one a node */
		found = &u->classes[i];
	}
	return found;
}

/* A bound device is at node i or under it. */
static bool is_used(const struct forest *f, uint32_t i)
{
	if (f->bindings[i].bound)
		return true;
	for (uint32_t k = i + 1; k < f->model.n_nodes; k++)
		if (f->model.nodes[k].parent == i && is_used(f, k))
			return true;
	return false;
}

/* The uplink, what is used under it, and the default leaf have a class; nothing else has. */
static void check_which(const struct forest *f, const struct tree_uplink *u, size_t next)
{
	size_t n = 0;

	for (uint32_t i = u->node; i < next; i++) {
		const struct tree_class *c = class_of_node(u, i);

		assert_int_equal(c != NULL, i == u->node || is_used(f, i));
		if (!c)
			continue;
		n++;
		assert_int_equal(c->htb.minor, f->minors[i]);
		assert_int_equal(c->htb.leaf, f->model.nodes[i].kind == NODE_DEVICE);
		assert_int_equal(c->htb.parent, i == u->node ? 0 : f->minors[f->model.nodes[i].parent]);
	}
	assert_int_equal(u->n_classes, n + 1);
	assert_int_equal(class_of_node(u, NODE_NONE)->htb.minor, CLASSID_DEFAULT);
	assert_int_equal(class_of_node(u, NODE_NONE)->htb.parent, CLASSID_ROOT);
	assert_true(class_of_node(u, NODE_NONE)->htb.leaf);
}

/* Parents stand before their children, no number is there twice. Returns the depth, which HTB can hold. */
static int check_shape(const struct tree_uplink *u)
{
	int deepest = 0;

	for (size_t i = 0; i < u->n_classes; i++) {
		const struct tree_class *c = &u->classes[i], *up = c;
		int depth = 1;

		assert_ptr_equal(class_of_minor(u, c->htb.minor), c);
		for (; up->htb.parent; depth++) {
			const struct tree_class *parent = class_of_minor(u, up->htb.parent);

			assert_non_null(parent);
			assert_true(parent < up);
			assert_false(parent->htb.leaf);
			up = parent;
		}
		assert_in_range(depth, 1, DEPTH);
		assert_ptr_equal(up, &u->classes[0]);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

static uint64_t ceiling(const struct model *m, uint32_t i)
{
	uint64_t limit = m->nodes[i].limit.bytes_ps;
	uint64_t above = m->nodes[i].parent == NODE_NONE ? UINT64_MAX : ceiling(m, m->nodes[i].parent);

	return limit < above ? limit : above;
}

/* Each class alone: HTB takes it, and it is never above what its node and those above it may send. */
static void check_rates(const struct forest *f, const struct tree_uplink *u)
{
	for (size_t i = 0; i < u->n_classes; i++) {
		const struct htb_class *c = &u->classes[i].htb;
		const struct tree_class *parent = class_of_minor(u, c->parent);

		assert_in_range(c->rate.bytes_ps, RATE_MIN_BYTES_PS, c->ceil.bytes_ps);
		assert_int_equal(
			c->ceil.bytes_ps,
			ceiling(&f->model, u->classes[i].node == NODE_NONE ? u->node : u->classes[i].node));
		if (parent)
			assert_true(c->ceil.bytes_ps <= parent->htb.ceil.bytes_ps);
		assert_int_equal(c->overhead, f->model.nodes[u->node].overhead);
		assert_true(c->burst > 0 && c->cburst >= c->burst);
	}
	assert_int_equal(u->classes[0].htb.rate.bytes_ps, f->model.nodes[u->node].limit.bytes_ps);
}

/* Whether the class at or above c is the one of this number. */
static bool stands_under(const struct tree_uplink *u, const struct tree_class *c, uint16_t minor)
{
	while (c && c->htb.minor != minor)
		c = class_of_minor(u, c->htb.parent);
	return c;
}

/*
 * Leaves alone have guarantees, and those under a class add up to its ceiling at most: HTB could not keep to them else.
 * A leaf's rate is its entitlement, or RATE_MIN_BYTES_PS where the entitlement is less: so the sum is above by that
 * much at most for each leaf whose rate is this minimum; the default leaf, to which no packet goes, is one.
 */
static void check_sums(const struct forest *f, const struct tree_uplink *u)
{
	for (size_t i = 0; i < u->n_classes; i++) {
		const struct tree_class *up = &u->classes[i];
		uint64_t sum = 0, raised = 0;

		if (i > 0 && !up->htb.leaf)
			assert_int_equal(up->htb.rate.bytes_ps, RATE_MIN_BYTES_PS);
		for (size_t k = 1; k < u->n_classes; k++) {
			const struct tree_class *c = &u->classes[k];

			if (!c->htb.leaf || !stands_under(u, c, up->htb.minor))
				continue;
			sum += c->htb.rate.bytes_ps;
			raised += c->htb.rate.bytes_ps == RATE_MIN_BYTES_PS;
			if (c->node != NODE_NONE)
				assert_true(c->htb.rate.bytes_ps >= f->model.nodes[c->node].reserve.bytes_ps);
		}
		assert_true(sum <= up->htb.ceil.bytes_ps + raised * RATE_MIN_BYTES_PS);
	}
}

/*
 * Over the whole uplink, not among siblings: leaves' quanta are in proportion to their entitlements, in whole
 * bytes, the least gso_max, the largest at most INT32_MAX (core/sizing.h). The rate is the entitlement where none was
 * raised.
 */
static void check_quanta(const struct tree_uplink *u)
{
	double least = 1e18, most = 0, gso = sizing_host_default.gso_max, top;

	for (size_t i = 0; i < u->n_classes; i++) {
		const struct tree_class *c = &u->classes[i];

		assert_int_equal(c->htb.quantum != 0, c->htb.leaf);
		if (!c->htb.leaf || c->node == NODE_NONE)
			continue;
		if (c->htb.rate.bytes_ps == RATE_MIN_BYTES_PS) /* raised, perhaps */
			return;
		least = fmin(least, (double)c->htb.rate.bytes_ps);
		most = fmax(most, (double)c->htb.rate.bytes_ps);
	}
	top = fmin(gso * most / least, INT32_MAX);
	for (size_t i = 0; i < u->n_classes; i++) {
		const struct tree_class *c = &u->classes[i];
		double want = fmax(top * (double)c->htb.rate.bytes_ps / most, gso);

		if (c->htb.leaf && c->node != NODE_NONE)
			assert_true(fabs((double)c->htb.quantum - want) < 2);
	}
}

static void check_queues(const struct forest *f, const struct tree *t, const struct tree_uplink *u)
{
	for (size_t i = 0; i < u->n_classes; i++) {
		const struct tree_class *c = &u->classes[i];
		const struct binding *b = c->node == NODE_NONE ? NULL : &f->bindings[c->node];
		const struct tree_vnic *v = b ? tree_vnic(t, b->ifindex, DIRECTION_TX) : NULL;

		if (!c->htb.leaf) {
			assert_int_equal(c->leaf.kind, LEAF_NONE);
			continue;
		}
		assert_int_equal(c->leaf.kind,
				 b && !b->backpressure && f->fq_codel ? LEAF_FQ_CODEL : LEAF_BFIFO);
		assert_true(c->leaf.limit > 0);
		if (b)
			assert_int_equal(v->sndbuf > 0, b->backpressure);
	}
}

static bool is_shared(const struct forest *f, uint32_t ifindex)
{
	for (size_t i = 0; i < f->n_shared; i++)
		if (f->shared[i] == ifindex)
			return true;
	return false;
}

/* By a program only where it is asked for and the kernel has tcx; a filter wherever others are, or there is no program. */
static void check_hooks(const struct forest *f, const struct tree_vnic *v)
{
	enum hook_place place = f->model.nodes[v->node].hook;
	bool program = f->tcx && place == PLACE_TCX;

	assert_int_equal(!!(v->hooks & HOOK_TCX), program);
	assert_int_equal(!!(v->hooks & HOOK_FILTER), !program || is_shared(f, v->ifindex));
	assert_int_equal(v->place, place == PLACE_FIRST ? PLACE_FIRST : PLACE_LAST);
}

/* Every bound vNIC goes to its device's leaf, in its device's uplink. */
static void check_vnics(const struct forest *f, const struct tree *t)
{
	assert_int_equal(t->n_vnics, f->n_bound);
	for (size_t i = 0; i < t->n_vnics; i++) {
		const struct tree_vnic *v = &t->vnics[i];
		const struct tree_uplink *u = &t->uplinks[v->uplink];

		assert_true(v->node < f->model.n_nodes);
		assert_int_equal(f->bindings[v->node].ifindex, v->ifindex);
		assert_true(i == 0 || t->vnics[i - 1].ifindex < v->ifindex);
		assert_int_equal(model_uplink_of(&f->model, v->node), u->node);
		assert_int_equal(class_of_node(u, v->node)->htb.minor, v->minor);
		check_hooks(f, v);
		assert_ptr_equal(tree_vnic(t, v->ifindex, DIRECTION_TX), v);
	}
}

static void any_forest(void **state)
{
	size_t valid = 0, deepest = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct forest f;
		struct tree t;
		size_t n = 0;

		random_forest(&f);
		build(&f, &t);
		for (size_t i = 0; i < f.model.n_nodes; i++)
			n += f.model.nodes[i].kind == NODE_UPLINK;
		assert_int_equal(t.n_uplinks, n);
		for (size_t i = 0; i < t.n_uplinks; i++) {
			const struct tree_uplink *u = &t.uplinks[i];

			assert_true(i == 0 || strcmp(t.uplinks[i - 1].name, u->name) < 0);
			assert_string_equal(u->name, f.model.nodes[u->node].name);
			assert_true(u->ifb == 0 && !u->drains);
			check_which(&f, u, model_uplink_end(&f.model, u->node));
			deepest += check_shape(u) == DEPTH;
			check_rates(&f, u);
			check_sums(&f, u);
			check_quanta(u);
			check_queues(&f, &t, u);
		}
		check_vnics(&f, &t);
		valid += f.valid;
		tree_free(&t);
		forest_free(&f);
	}
	assert_in_range(valid, TRIALS / 10, TRIALS);
	assert_in_range(deepest, 20, SIZE_MAX);
}

/* Packets that all the send buffers of one uplink hold. */
static uint64_t packets_of(const struct forest *f, const struct tree *t, size_t uplink)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_vnics; i++)
		if (t->vnics[i].uplink == uplink)
			n += sizing_packets(t->vnics[i].sndbuf, f->bindings[t->vnics[i].binding].queues);
	return n;
}

static void check_buffer(const struct tree_vnic *bounded, const struct tree_vnic *v, bool as_it_was)
{
	assert_int_equal(bounded->ifindex, v->ifindex);
	assert_int_equal(bounded->sndbuf > 0, v->sndbuf > 0);
	assert_true(as_it_was ? bounded->sndbuf == v->sndbuf : bounded->sndbuf <= v->sndbuf);
}

/* Where the kernel has a limit, an uplink's send buffers hold no more, or are what they are without one. */
static void burst_limit(void **state)
{
	size_t n_bounded = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct tree free_of_it, t;
		struct forest f;

		random_forest(&f);
		build(&f, &free_of_it);
		f.burst_limit = 1 + rnd_below(4000);
		build(&f, &t);
		assert_int_equal(t.n_vnics, free_of_it.n_vnics);
		for (size_t u = 0; u < t.n_uplinks; u++) {
			bool bounded = packets_of(&f, &free_of_it, u) > f.burst_limit &&
				       packets_of(&f, &t, u) <= f.burst_limit;

			n_bounded += bounded;
			for (size_t i = 0; i < t.n_vnics; i++)
				if (t.vnics[i].uplink == u)
					check_buffer(&t.vnics[i], &free_of_it.vnics[i], !bounded);
		}
		tree_free(&free_of_it);
		tree_free(&t);
		forest_free(&f);
	}
	assert_in_range(n_bounded, 50, SIZE_MAX);
}

static void no_model(void **state)
{
	struct forest f = { 0 };
	struct tree t;

	(void)state;
	model_init(&f.model);
	build(&f, &t);
	assert_int_equal(t.n_uplinks, 0);
	assert_int_equal(t.n_vnics, 0);
	assert_null(tree_vnic(&t, 1, DIRECTION_TX));
	assert_null(tree_uplink(&t, "eth0", DIRECTION_TX));
	tree_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_forest),
		cmocka_unit_test(burst_limit),
		cmocka_unit_test(no_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
