/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is wrong with a model that no single field shows. The first fault in the order of checks[] is told. */

#include "admission.h"
#include "base/cleanup.h"
#include "direction.h"
#include "fault.h"
#include "model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* IFNAMSIZ (include/uapi/linux/if.h) without the final NUL. */
#define INTERFACE_NAME_MAX 15

static const char *const select_text[] = {
	[SELECT_NIC] = "nic",
	[SELECT_VM] = "vm",
	[SELECT_MAC] = "mac",
	[SELECT_CONTAINER] = "container",
};

/* What the checks share, each array by node. */
struct check {
	const struct model *m;
	uint32_t *order;    /* scratch: nodes, to be sorted */
	uint32_t *depth;    /* networks from the uplink to the node, and the node if it is one */
	uint32_t *devices;  /* devices under the node */
	bool *part;         /* whether the node has a part in the direction */
	struct model_error *err;
};

static void check_free(struct check *c)
{
	free(c->order);
	free(c->depth);
	free(c->devices);
	free(c->part);
}

static int check_init(struct check *c, const struct model *m, enum direction direction, struct model_error *err)
{
	c->m = m;
	c->err = err;
	c->part = direction_parts(m, direction);
	c->order = calloc(m->n_nodes, sizeof(*c->order));
	c->depth = calloc(m->n_nodes, sizeof(*c->depth));
	c->devices = calloc(m->n_nodes, sizeof(*c->devices));
	/* A network without devices is checked, too. */
	for (size_t i = 0; c->part && i < m->n_nodes && direction == DIRECTION_TX; i++)
		c->part[i] = true;
	if (!c->order || !c->depth || !c->devices || !c->part)
		return -ENOMEM;
	return 0;
}

/* model_validate() adds the part. */
#define fault(c, i, ...) fault_at((c)->err, (c)->m, i, PART_NODE, __VA_ARGS__)

static int check_shape(struct check *c)
{
	for (uint32_t i = 0; i < c->m->n_nodes; i++) {
		const struct node *node = &c->m->nodes[i];

		if (!node->name[0])
			return fault(c, i, "has no name, expected one");
		if (node->kind == NODE_UPLINK)
			continue;
		c->depth[i] = c->depth[node->parent] + (node->kind == NODE_NETWORK);
		if (c->depth[i] > MODEL_NETWORKS_DEEP)
			return fault(c, i, "is nested %" PRIu32 " deep below its uplink, expected at most %d",
				     c->depth[i], MODEL_NETWORKS_DEEP);
		if (!node->share.weight || node->share.weight > SHARE_MAX)
			return fault(c, i, "share %" PRIu32 ", expected 1 to %u", node->share.weight,
				     SHARE_MAX);
	}
	return 0;
}

static int name_cmp(const void *pa, const void *pb, void *arg)
{
	const struct node *nodes = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	int r;

	if (nodes[a].parent != nodes[b].parent)
		return nodes[a].parent < nodes[b].parent ? -1 : 1;
	r = strcmp(nodes[a].name, nodes[b].name);
	return r ? r : (a > b) - (a < b);
}

/* Cut to what an interface's name can hold, it might name another interface. */
static int check_interface(struct check *c, uint32_t i, const char *name)
{
	if (strlen(name) <= INTERFACE_NAME_MAX)
		return 0;
	return fault(c, i, "an interface's name has at most %d bytes, \"%.64s\" has %zu: expected it as ip link says it",
		     INTERFACE_NAME_MAX, name, strlen(name));
}

static int check_names(struct check *c)
{
	const struct node *nodes = c->m->nodes;
	size_t n = c->m->n_nodes;

	for (uint32_t i = 0; i < n; i++)
		if (nodes[i].kind == NODE_UPLINK && check_interface(c, i, nodes[i].name) < 0)
			return -EINVAL;

	for (uint32_t i = 0; i < n; i++)
		c->order[i] = i;
	qsort_r(c->order, n, sizeof(*c->order), name_cmp, c->m->nodes);
	for (size_t k = 1; k < n; k++) {
		uint32_t a = c->order[k - 1], b = c->order[k];

		if (nodes[a].parent != nodes[b].parent || strcmp(nodes[a].name, nodes[b].name))
			continue;
		if (!nodes[a].line)
			return fault(c, b, "the name is already taken, expected another");
		return fault(c, b, "the name is already taken in line %" PRIu32 ", expected another",
			     nodes[a].line);
	}
	return 0;
}

/*
 * Where a selector may stand once: a vNIC's packets pass one class only. A VM can have vNICs that lead to several
 * uplinks, and a device under each.
 */
static uint32_t scope_of(const struct model *m, uint32_t i)
{
	const struct node *node = &m->nodes[i];
	bool of_vnic = node->select == SELECT_NIC || node->select == SELECT_MAC;

	return of_vnic && !model_is_pattern(node) ? NODE_NONE : model_uplink_of(m, i);
}

static int selector_cmp(const void *pa, const void *pb, void *arg)
{
	const struct model *m = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb, x, y;
	int r;

	if (m->nodes[a].select != m->nodes[b].select)
		return m->nodes[a].select < m->nodes[b].select ? -1 : 1;
	r = strcmp(m->nodes[a].selector, m->nodes[b].selector);
	if (r)
		return r;
	x = scope_of(m, a);
	y = scope_of(m, b);
	if (x != y)
		return x < y ? -1 : 1;
	return (a > b) - (a < b);
}

static int check_selector(struct check *c, uint32_t i)
{
	const struct node *node = &c->m->nodes[i];

	if (!node->selector[0])
		return fault(c, i, "says no vNIC, expected nic, vm, mac or container");
	return node->select == SELECT_NIC ? check_interface(c, i, node->selector) : 0;
}

static int check_selectors(struct check *c)
{
	const struct node *nodes = c->m->nodes;
	size_t n = 0;

	for (uint32_t i = 0; i < c->m->n_nodes; i++) {
		if (nodes[i].kind != NODE_DEVICE)
			continue;
		if (check_selector(c, i) < 0)
			return -EINVAL;
		c->order[n++] = i;
	}
	if (n)
		qsort_r(c->order, n, sizeof(*c->order), selector_cmp, (void *)(uintptr_t)c->m);
	for (size_t k = 1; k < n; k++) {
		uint32_t a = c->order[k - 1], b = c->order[k];
		char other[MODEL_FULL_NAME_SIZE];

		if (nodes[a].select != nodes[b].select || strcmp(nodes[a].selector, nodes[b].selector) ||
		    scope_of(c->m, a) != scope_of(c->m, b))
			continue;
		return fault(c, b, "%s %.64s already belongs to device \"%.80s\", expected another",
			     select_text[nodes[b].select], nodes[b].selector,
			     model_full_name(c->m, a, other));
	}
	return 0;
}

static int check_as(struct check *c)
{
	for (uint32_t i = 0; i < c->m->n_nodes; i++) {
		const struct node *node = &c->m->nodes[i];

		if (node->kind != NODE_DEVICE || node->as != AS_ONE)
			continue;
		if (!model_is_pattern(node))
			return fault(c, i, "as: one, and %s %.64s is no pattern: expected a '*' or '?' in it",
				     select_text[node->select], node->selector);
		if (c->m->schedule.resource == RESOURCE_CPU)
			return fault(c, i, "as: one, but CPU slots are a VM's own: expected as: each");
	}
	return 0;
}

/* Of the node's uplink. A port's speed may not be known yet. */
static uint64_t capacity_of(const struct model *m, uint32_t i)
{
	return rate_min(m->nodes[model_uplink_of(m, i)].limit, (struct rate){ RATE_MAX_BYTES_PS }).bytes_ps;
}

static int check_limits(struct check *c)
{
	char has[FAULT_RATE_SIZE], least[FAULT_RATE_SIZE], most[FAULT_RATE_SIZE];

	for (uint32_t i = 0; i < c->m->n_nodes; i++) {
		const struct node *node = &c->m->nodes[i];
		uint64_t limit = node->limit.bytes_ps, max = RATE_MAX_BYTES_PS;
		bool uplink = node->kind == NODE_UPLINK;

		if (!uplink)
			max = capacity_of(c->m, i);
		if (uplink && rate_is_unlimited(node->limit) && !node->of_link.ppm)
			return fault(c, i, "has no capacity, expected %s to %s",
				     fault_rate(RATE_MIN_BYTES_PS, least), fault_rate(max, most));
		if (rate_is_unlimited(node->limit) || (limit >= RATE_MIN_BYTES_PS && limit <= max))
			continue;
		return fault(c, i, "%s %s, expected %s to %s%s", uplink ? "capacity" : "limit",
			     fault_rate(limit, has), fault_rate(RATE_MIN_BYTES_PS, least), fault_rate(max, most),
			     uplink ? "" : ", its uplink's capacity");
	}
	return 0;
}

static int check_reserves(struct check *c)
{
	return admission_check(c->m, c->err);
}

static int check_shares(struct check *c)
{
	return admission_shares(c->m, c->part, c->err);
}

static int check_devices(struct check *c)
{
	const struct node *nodes = c->m->nodes;

	for (uint32_t i = (uint32_t)c->m->n_nodes; i-- > 0;) {
		if (nodes[i].kind == NODE_DEVICE || nodes[i].others)
			c->devices[i] = 1;
		if (nodes[i].parent != NODE_NONE)
			c->devices[nodes[i].parent] += c->devices[i];
	}
	for (uint32_t i = 0; i < c->m->n_nodes; i = (uint32_t)model_end(c->m, i)) {
		size_t n = model_end(c->m, i) - i - 1;

		if (!c->devices[i])
			return fault(c, i, "has no devices, expected at least one, or others");
		if (n > MODEL_UPLINK_NODES_MAX)
			return fault(c, i, "has %zu devices and networks, expected at most %u", n,
				     MODEL_UPLINK_NODES_MAX);
	}
	return 0;
}

static const struct {
	int (*run)(struct check *);
	enum model_part part;
	bool each; /* in each direction */
} checks[] = {
	{ check_shape, PART_NODE, false },
	{ check_names, PART_NAME, false },
	{ check_selectors, PART_SELECTOR, false },
	{ check_as, PART_AS, false },
	{ check_limits, PART_LIMIT, true },
	{ check_reserves, PART_RESERVE, true },
	{ check_shares, PART_SHARE, true },
	{ check_devices, PART_NODE, false },
};

static int refuse_memory(struct model_error *err)
{
	*err = (struct model_error){ .node = NODE_NONE, .text = "out of memory" };
	return -ENOMEM;
}

/* m: in this direction. */
static int validate(const struct model *m, enum direction direction, struct model_error *err)
{
	_cleanup_(check_free) struct check c = { 0 };
	struct model_error found = { 0 };
	int r;

	r = check_init(&c, m, direction, &found);
	if (r < 0)
		return refuse_memory(err);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (direction != DIRECTION_TX && !checks[i].each)
			continue;
		r = checks[i].run(&c);
		if (r == -ENOMEM)
			return refuse_memory(err);
		if (r < 0) {
			found.part = direction == DIRECTION_TX ? checks[i].part : PART_RX;
			*err = found;
			return r;
		}
	}
	return 0;
}

static int validate_rx(const struct model *m, struct model_error *err)
{
	struct model rx;
	size_t n;
	int r = direction_model(m, DIRECTION_RX, &rx);

	if (r < 0)
		return refuse_memory(err);
	r = validate(&rx, DIRECTION_RX, err);
	model_free(&rx);
	n = strlen(err->text);
	if (r == -EINVAL)
		snprintf(err->text + n, sizeof(err->text) - n, " (rx)");
	return r;
}

int model_validate(const struct model *m, struct model_error *err)
{
	int r = m->n_nodes ? validate(m, DIRECTION_TX, err) : 0;

	return r < 0 || !direction_is_used(m, DIRECTION_RX) ? r : validate_rx(m, err);
}
