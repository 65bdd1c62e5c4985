/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * For tests of plan/ and of what works on its trees: models and hosts, written by hand or random, and whether
 * two plans are the same. Names come from small alphabets, so that random ones collide.
 */

#include "base/cleanup.h"
#include "plan/plan.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MBIT 125000ULL

/* 0 to n - 1. */
static inline uint32_t rnd_below(uint32_t n)
{
	return (uint32_t)(rnd() % n);
}

static inline bool one_in(uint32_t n)
{
	return rnd_below(n) == 0;
}

/* Fisher and Yates. */
static inline void shuffle(void *array, size_t n, size_t elem)
{
	char *at = array, tmp[1024];

	assert_true(elem <= sizeof(tmp));
	for (size_t i = n; i-- > 1;) {
		size_t k = rnd() % (i + 1);

		memcpy(tmp, at + i * elem, elem);
		memmove(at + i * elem, at + k * elem, elem);
		memcpy(at + k * elem, tmp, elem);
	}
}

/* --- models ------------------------------------------------------------------------------------- */

static inline uint32_t add_node(struct model *m, enum node_kind kind, uint32_t parent, const char *name)
{
	struct node node = {
		.kind = kind, .parent = parent, .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED
	};
	int64_t i;

	snprintf(node.name, sizeof(node.name), "%s", name);
	i = model_add(m, &node);
	assert_true(i >= 0);
	return (uint32_t)i;
}

static inline uint32_t add_uplink(struct model *m, const char *name, uint64_t capacity)
{
	uint32_t i = add_node(m, NODE_UPLINK, NODE_NONE, name);

	m->nodes[i].limit.bytes_ps = capacity;
	return i;
}

static inline uint32_t add_network(struct model *m, uint32_t parent, const char *name)
{
	return add_node(m, NODE_NETWORK, parent, name);
}

static inline uint32_t add_device(struct model *m, uint32_t parent, const char *name,
				  enum selector_kind select, const char *selector)
{
	uint32_t i = add_node(m, NODE_DEVICE, parent, name);

	m->nodes[i].select = select;
	snprintf(m->nodes[i].selector, sizeof(m->nodes[i].selector), "%s", selector);
	return i;
}

/* --- hosts -------------------------------------------------------------------------------------- */

#define RIG_LINKS 12
#define RIG_ROOM 24
#define RIG_NSID 7 /* where containers are */

/* The lists as the kernel and /proc might give them: in any order, one entry a name. */
struct rig_host {
	struct link links[RIG_ROOM];
	struct vmm_nic nics[RIG_ROOM];
	struct bound_vnic bound[RIG_LINKS]; /* sorted by ifindex */
	size_t n_links, n_nics, n_bound;
};

static const char *const rig_names[RIG_LINKS] = { "tap0", "tap1", "tap2", "tap3",  "tap4", "tap5",
						  "t",    "tap",  "veth", "veth0", "eth0", "eth1" };
static const char *const rig_vms[] = { "web", "we", "db", "web0", "" };
static const char *const rig_macs[] = { "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03", "" };
#define RIG_PICK(list) ((list)[rnd_below(ARRAY_SIZE(list))])

static inline struct link *put_link(struct rig_host *h, uint32_t ifindex, const char *name,
				    enum link_kind kind)
{
	static const char *const kind_names[] = { "", "tun", "veth", "macvtap", "ifb", "bridge" };
	struct link *l = &h->links[h->n_links++];

	*l = (struct link){ .ifindex = ifindex,
			    .kind = kind,
			    .tap = kind == LINK_TUN,
			    .queues = 1,
			    .up = true,
			    .carrier = true,
			    .gso_max = 65536,
			    .peer_netns = kind == LINK_VETH ? RIG_NSID : -1 };
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->kind_name, sizeof(l->kind_name), "%s", kind_names[kind]);
	return l;
}

static inline struct vmm_nic *put_nic(struct rig_host *h, const char *tap, const char *vm, const char *mac)
{
	struct vmm_nic *nic = &h->nics[h->n_nics++];

	*nic = (struct vmm_nic){ .pid = 100 + (pid_t)h->n_nics, .start_time = 7, .queues = 1 };
	snprintf(nic->tap, sizeof(nic->tap), "%s", tap);
	snprintf(nic->vm, sizeof(nic->vm), "%s", vm);
	snprintf(nic->mac, sizeof(nic->mac), "%s", mac);
	strcpy(nic->vmm, "qemu");
	return nic;
}

static inline void random_links(struct rig_host *h)
{
	static const enum link_kind kinds[] = { LINK_TUN,     LINK_TUN, LINK_TUN,    LINK_TUN,  LINK_VETH,
						LINK_MACVTAP, LINK_IFB, LINK_BRIDGE, LINK_OTHER };
	const char *names[RIG_LINKS];
	uint32_t ifindex = 0;

	memcpy(names, rig_names, sizeof(names));
	shuffle(names, RIG_LINKS, sizeof(*names));
	for (uint32_t n = rnd_below(RIG_LINKS + 1); n-- > 0;) {
		struct link *l;

		ifindex += 1 + rnd_below(5);
		l = put_link(h, ifindex, names[n], RIG_PICK(kinds));
		if (l->kind == LINK_VETH && one_in(3))
			l->peer_netns = 8;
		l->carrier = !one_in(4);
		l->attached = l->carrier || one_in(2);
		l->up = l->carrier || one_in(2);
		l->tap = l->kind == LINK_TUN && !one_in(6);
		if (one_in(3))
			h->bound[h->n_bound++] = (struct bound_vnic){ .ifindex = ifindex };
	}
}

static inline void random_nics(struct rig_host *h)
{
	const char *names[RIG_LINKS];

	memcpy(names, rig_names, sizeof(names));
	shuffle(names, RIG_LINKS, sizeof(*names));
	for (uint32_t n = rnd_below(RIG_LINKS + 1); n-- > 0;) {
		struct vmm_nic *nic = put_nic(h, names[n], RIG_PICK(rig_vms), RIG_PICK(rig_macs));

		nic->pid = 1 + (pid_t)rnd_below(5);
		nic->start_time = rnd();
		nic->queues = rnd_below(4);
		nic->waits = (enum vmm_waits)rnd_below(3);
		if (nic->waits != VMM_WAITS_YES)
			snprintf(nic->why, sizeof(nic->why), "says %s", names[n]);
	}
}

static inline void random_host(struct rig_host *h)
{
	*h = (struct rig_host){ 0 };
	random_links(h);
	random_nics(h);
}

/* The lists in another order. */
static inline void shuffle_host(struct rig_host *h)
{
	shuffle(h->links, h->n_links, sizeof(*h->links));
	shuffle(h->nics, h->n_nics, sizeof(*h->nics));
}

/* The host as divvyd holds it; *host is the caller's to free. */
static inline void make_host(const struct rig_host *h, struct host *host)
{
	struct link *links = malloc(sizeof(h->links));
	struct vmm_nic *nics = malloc(sizeof(h->nics));

	struct host_container *containers = malloc(2 * sizeof(*containers));

	assert_non_null(links);
	assert_non_null(nics);
	assert_non_null(containers);
	memcpy(links, h->links, sizeof(h->links));
	memcpy(nics, h->nics, sizeof(h->nics));
	*host = (struct host){ 0 };
	host_set_links(host, links, h->n_links);
	host_set_nics(host, nics, h->n_nics);
	containers[0] = (struct host_container){ .nsid = 9, .selector = "elsewhere" };
	containers[1] = (struct host_container){ .nsid = RIG_NSID, .selector = "pod" };
	host_set_containers(host, containers, 2);
}

/* --- a model, a host and what there is ---------------------------------------------------------- */

static const struct tree nothing;
static const struct classids no_numbers;

struct scene {
	struct model model;
	struct rig_host rig;
	struct host host;
	struct plan_input in;
};

/* After a change of rig: the host anew, borrowed by in. */
static inline void scene_refresh(struct scene *s)
{
	host_free(&s->host);
	make_host(&s->rig, &s->host);
	s->in.host = &s->host;
	s->in.bound = s->rig.bound;
	s->in.n_bound = s->rig.n_bound;
}

/* An uplink eth0 (ifindex 1), and taps tap0 to tap3 (ifindexes 10 to 13) with VMs vm0 to vm3 behind them. */
static inline void scene_make(struct scene *s)
{
	*s = (struct scene){ .in = { .have = &nothing,
				     .classids = &no_numbers,
				     .sizing = &sizing_host_default,
				     .fq_codel = true } };
	model_init(&s->model);
	add_uplink(&s->model, "eth0", 100 * MBIT);
	put_link(&s->rig, 1, "eth0", LINK_OTHER);
	for (uint32_t i = 0; i < 4; i++) {
		char vm[8], mac[18];

		snprintf(vm, sizeof(vm), "vm%u", i);
		snprintf(mac, sizeof(mac), "52:54:00:00:00:0%u", i);
		put_link(&s->rig, 10 + i, rig_names[i], LINK_TUN);
		put_nic(&s->rig, rig_names[i], vm, mac);
	}
	scene_refresh(s);
}

static inline void scene_free(struct scene *s)
{
	model_free(&s->model);
	host_free(&s->host);
}

static inline void make(const struct scene *s, struct plan *out)
{
	assert_int_equal(plan_make(&s->model, &s->in, out), 0);
}

/* --- the same ----------------------------------------------------------------------------------- */

static inline void assert_same_reason(const struct reason *a, const struct reason *b)
{
	assert_int_equal(a->code, b->code);
	assert_string_equal(a->text, b->text);
}

static inline void assert_same_binding(const struct binding *a, const struct binding *b)
{
	assert_int_equal(a->bound, b->bound);
	assert_int_equal(a->ifindex, b->ifindex);
	assert_string_equal(a->nic, b->nic);
	assert_int_equal(a->queues, b->queues);
	assert_int_equal(a->backpressure, b->backpressure);
	assert_string_equal(a->passed_by, b->passed_by);
	assert_same_reason(&a->why, &b->why);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->start_time, b->start_time);
	assert_string_equal(a->vmm, b->vmm);
	assert_string_equal(a->vm, b->vm);
}

static inline void assert_same_class(const struct tree_class *a, const struct tree_class *b)
{
	assert_int_equal(a->htb.minor, b->htb.minor);
	assert_int_equal(a->htb.parent, b->htb.parent);
	assert_int_equal(a->htb.rate.bytes_ps, b->htb.rate.bytes_ps);
	assert_int_equal(a->htb.ceil.bytes_ps, b->htb.ceil.bytes_ps);
	assert_int_equal(a->htb.overhead, b->htb.overhead);
	assert_int_equal(a->htb.burst, b->htb.burst);
	assert_int_equal(a->htb.cburst, b->htb.cburst);
	assert_int_equal(a->htb.quantum, b->htb.quantum);
	assert_int_equal(a->htb.leaf, b->htb.leaf);
	assert_true(leaf_same(&a->leaf, &b->leaf));
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->drains, b->drains);
}

static inline void assert_same_tree(const struct tree *a, const struct tree *b)
{
	assert_int_equal(a->n_uplinks, b->n_uplinks);
	for (size_t i = 0; i < a->n_uplinks; i++) {
		const struct tree_uplink *x = &a->uplinks[i], *y = &b->uplinks[i];

		assert_string_equal(x->name, y->name);
		assert_int_equal(x->direction, y->direction);
		assert_int_equal(x->ifb, y->ifb);
		assert_int_equal(x->node, y->node);
		assert_int_equal(x->drains, y->drains);
		assert_int_equal(x->n_classes, y->n_classes);
		for (size_t k = 0; k < x->n_classes; k++)
			assert_same_class(&x->classes[k], &y->classes[k]);
	}
	assert_int_equal(a->n_vnics, b->n_vnics);
	for (size_t i = 0; i < a->n_vnics; i++) {
		const struct tree_vnic *x = &a->vnics[i], *y = &b->vnics[i];

		assert_int_equal(x->ifindex, y->ifindex);
		assert_int_equal(x->uplink, y->uplink);
		assert_int_equal(x->minor, y->minor);
		assert_int_equal(x->hooks, y->hooks);
		assert_int_equal(x->place, y->place);
		assert_int_equal(x->node, y->node);
		assert_int_equal(x->binding, y->binding);
		assert_int_equal(x->sndbuf, y->sndbuf);
	}
}

static inline void assert_same_plan(const struct plan *a, const struct plan *b)
{
	size_t n = a->model.n_nodes;

	assert_int_equal(n, b->model.n_nodes);
	assert_memory_equal(a->model.nodes, b->model.nodes, n * sizeof(*a->model.nodes));
	assert_true(schedule_same(&a->model.schedule, &b->model.schedule));
	assert_memory_equal(a->from, b->from, n * sizeof(*a->from));
	assert_int_equal(a->n_bindings, b->n_bindings);
	for (size_t i = 0; i < a->n_bindings; i++) {
		assert_int_equal(a->bindings[i].node, b->bindings[i].node);
		assert_int_equal(a->bindings[i].next, b->bindings[i].next);
		assert_same_binding(&a->bindings[i], &b->bindings[i]);
	}
	assert_memory_equal(a->minors, b->minors, n * sizeof(*a->minors));
	assert_int_equal(a->classids.n, b->classids.n);
	for (size_t i = 0; i < a->classids.n; i++) {
		assert_string_equal(a->classids.list[i].key, b->classids.list[i].key);
		assert_int_equal(a->classids.list[i].minor, b->classids.list[i].minor);
	}
	assert_same_tree(&a->tree, &b->tree);
}

static inline void plan_again(struct scene *s, const struct plan *was, struct plan *out)
{
	_cleanup_free_ struct bound_vnic *bound = NULL;

	s->in.classids = &was->classids;
	host_free(&s->host);
	make_host(&s->rig, &s->host);
	s->in.host = &s->host;
	assert_int_equal(plan_bound(was, &bound, &s->in.n_bound), 0);
	s->in.bound = bound;
	make(s, out);
	s->in.bound = NULL;
	s->in.n_bound = 0;
}
