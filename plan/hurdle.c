// SPDX-License-Identifier: GPL-2.0-or-later
#include "hurdle.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <string.h>

/* include/net/net_namespace.h: every namespace's lo */
#define LOOPBACK_IFINDEX 1

void hurdle_list_free(struct hurdle_list *l)
{
	free(l->list);
	*l = (struct hurdle_list){ 0 };
}

void hurdle_list_freep(struct hurdle_list *l)
{
	hurdle_list_free(l);
}

int hurdle_list_copy(const struct hurdle_list *from, struct hurdle_list *to)
{
	struct hurdle *list = calloc(from->n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	if (from->n)
		memcpy(list, from->list, from->n * sizeof(*list));
	*to = *from;
	to->list = list;
	return 0;
}

static bool same(const struct hurdle *a, const struct hurdle *b)
{
	return a->ifindex == b->ifindex && a->kind == b->kind && strcmp(a->device, b->device) == 0 &&
	       strcmp(a->chain, b->chain) == 0;
}

bool hurdle_list_same(const struct hurdle_list *a, const struct hurdle_list *b)
{
	if (a->n != b->n || a->egress != b->egress || a->error != b->error)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same(&a->list[i], &b->list[i]))
			return false;
	return true;
}

static bool is_bridge(const struct link *l)
{
	return l && (l->kind == LINK_BRIDGE || strcmp(l->kind_name, "openvswitch") == 0);
}

static const struct link *master_of(const struct host *h, const struct link *l)
{
	return l->master ? host_link(h, l->master) : NULL;
}

/* Whether a packet of the vNIC may be transmitted by that device before any other. */
static bool leaves_by(const struct host *h, const struct link *vnic, const struct link *port)
{
	const struct link *over;

	if (port->ifindex == vnic->ifindex || port->ifindex == LOOPBACK_IFINDEX || port->kind == LINK_IFB)
		return false;
	if (is_bridge(master_of(h, vnic)))
		return port->master == vnic->master;
	over = master_of(h, port);
	return !over || strcmp(over->kind_name, "vrf") == 0; /* a VRF's ports are routed by, too */
}

const struct hurdle *hurdle_of(const struct hurdle_list *l, const struct host *h, uint32_t vnic)
{
	const struct hurdle *at = byifindex_find(l->list, l->n_ingress, sizeof(*at), vnic);
	const struct link *from = l->n > l->n_ingress ? host_link(h, vnic) : NULL;

	if (at || !from)
		return at;
	for (size_t i = l->n_ingress; i < l->n; i++) {
		const struct link *port = host_link(h, l->list[i].ifindex);

		if (port && leaves_by(h, from, port))
			return &l->list[i];
	}
	return NULL;
}
