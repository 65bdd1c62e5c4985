// SPDX-License-Identifier: GPL-2.0-or-later
#include "assign.h"

#include "base/cleanup.h"
#include "called.h"

#include <errno.h>
#include <stdio.h>

static const char *const what[] = { [SELECT_NIC] = "vNIC", [SELECT_VM] = "VM", [SELECT_MAC] = "MAC address" };

static void bind_uplink(const struct host *h, const struct link *const *by_name, const struct node *node,
			struct binding *b)
{
	const struct link *l = host_called(h, by_name, node->name);

	for (size_t i = 0; i < h->n_links && !l; i++)
		if (link_has_altname(&h->links[i], node->name))
			l = &h->links[i];

	b->bound = l != NULL;
	b->ifindex = l ? l->ifindex : 0;
	snprintf(b->nic, sizeof(b->nic), "%.*s", IFNAMSIZ - 1, l ? l->name : node->name);
	if (!l)
		reason_set(&b->why, REASON_NO_LINK, b->nic, NULL, NULL);
}

/* There are vNICs that the selector fits, and the device has none of them. */
static void wait_refused(const struct assign_input *in, const struct node *device, const struct refusal *r,
			 struct binding *b)
{
	const char *other = r->other == NODE_NONE ? "" : in->written->nodes[r->other].name;
	char list[CALLED_TEXT_SIZE];

	snprintf(b->nic, sizeof(b->nic), "%s", r->nic);
	switch (r->kind) {
	case REFUSED_CLAIMED:
		reason_set(&b->why, REASON_CLAIMED, r->nic, other, NULL);
		return;
	case REFUSED_TIED:
		reason_set(&b->why, REASON_TIED, r->nic, other, NULL);
		return;
	case REFUSED_NAMESAKE: /* none of them is this device's */
		b->nic[0] = '\0';
		reason_set(&b->why, device->select == SELECT_VM ? REASON_SEVERAL_OF_VM : REASON_SEVERAL_OF_MAC,
			   device->selector, called_list(in->host, device->selector, list), NULL);
		return;
	case REFUSED_ELSEWHERE:
		b->nic[0] = '\0';
		reason_set(&b->why, REASON_ELSEWHERE, r->nic, NULL, NULL);
		return;
	case REFUSED_ASTRAY:
		b->nic[0] = '\0';
		reason_set(&b->why, REASON_ASTRAY, r->nic, NULL, NULL);
		return;
	}
}

/* Nothing fits the selector. */
static void wait_absent(const struct node *device, const char *unseen, struct binding *b)
{
	if (model_is_pattern(device)) {
		reason_set(&b->why, REASON_NO_MATCH, what[device->select], device->selector, NULL);
		return;
	}
	switch (device->select) {
	case SELECT_NIC:
		snprintf(b->nic, sizeof(b->nic), "%.*s", IFNAMSIZ - 1, device->selector);
		reason_set(&b->why, REASON_NO_LINK, b->nic, NULL, NULL);
		return;
	case SELECT_VM:
		reason_set(&b->why, unseen ? REASON_UNSEEN_VM : REASON_NO_VM, device->selector, unseen, NULL);
		return;
	case SELECT_CONTAINER:
		reason_set(&b->why, REASON_NO_CONTAINER, device->selector, NULL, NULL);
		return;
	case SELECT_MAC:
		reason_set(&b->why, unseen ? REASON_UNSEEN_MAC : REASON_NO_MAC, device->selector, unseen, NULL);
		return;
	}
}

uint32_t assign_bound_first(struct binding *bindings, uint32_t node)
{
	struct binding *first = &bindings[node], was = *first;
	uint32_t i = first->bound ? 0 : first->next;

	while (i && !bindings[i].bound)
		i = bindings[i].next;
	if (!i)
		return 0;
	*first = bindings[i];
	bindings[i] = was;
	bindings[i].next = first->next;
	first->next = was.next;
	return i;
}

/* The node's vNICs, the further ones at *more. */
static void bind_device(const struct expansion *e, uint32_t node, const struct match *list, const char *unseen,
			struct binding *all, uint32_t *more)
{
	uint32_t last = node;

	for (size_t i = e->first[node]; i < e->first[node + 1]; i++) {
		uint32_t at = i == e->first[node] ? node : (*more)++;

		bind_vnic(&e->model.nodes[node], list[i].nic, list[i].link, list[i].open, unseen, &all[at]);
		all[at].node = node;
		if (at != node)
			all[last].next = at;
		last = at;
	}
}

int assign(const struct assign_input *in, struct binding **bindings, size_t *n)
{
	const struct expansion *e = in->expansion;
	const struct match_list *matches = in->matches;
	const struct host *h = in->host;
	_cleanup_free_ const struct link **by_name = host_by_name(h);
	uint32_t more = (uint32_t)e->model.n_nodes;
	struct binding *all = calloc(e->model.n_nodes + matches->n + 1, sizeof(*all));

	if (!all || !by_name) {
		free(all);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < e->model.n_nodes; i++) {
		const struct node *node = &e->model.nodes[i];
		const struct refusal *refused = match_refusal(matches, e->written[i]);

		all[i] = (struct binding){ .node = i, .queues = 1 };
		if (node->kind == NODE_UPLINK)
			bind_uplink(h, by_name, node, &all[i]);
		if (node->kind != NODE_DEVICE)
			continue;
		if (e->first[i] < e->first[i + 1])
			bind_device(e, i, matches->list, h->sight.cause, all, &more);
		else if (refused)
			wait_refused(in, node, refused, &all[i]);
		else
			wait_absent(node, h->sight.cause, &all[i]);
	}
	*bindings = all;
	*n = more;
	return 0;
}
