// SPDX-License-Identifier: GPL-2.0-or-later
#include "patch.h"

#include "base/array.h"
#include "base/byifindex.h"

static int compare(const void *a, const void *b)
{
	const struct patch *x = a, *y = b;

	if (x->bridge != y->bridge)
		return x->bridge < y->bridge ? -1 : 1;
	if (x->outward != y->outward)
		return (int)y->outward - (int)x->outward;
	return (x->veth->ifindex > y->veth->ifindex) - (x->veth->ifindex < y->veth->ifindex);
}

static size_t count_ports(const struct host *h, uint32_t bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_links; i++)
		n += h->links[i].master == bridge;
	return n;
}

bool patch_is_inside(const struct link *l)
{
	return l->kind == LINK_VETH && l->lower && l->peer_netns < 0;
}

static int add(struct patch_list *l, const struct host *h, struct patch p)
{
	if (count_ports(h, p.bridge) != 2)
		return 0;
	if (array_reserve(&l->list, l->n, sizeof(p)) < 0)
		return -ENOMEM;
	l->list[l->n++] = p;
	return 0;
}

int patch_add(struct patch_list *l, const struct host *h, const struct link *claimed)
{
	const struct link *peer = patch_is_inside(claimed) ? host_link(h, claimed->lower) : NULL;
	int err;

	if (!peer || !claimed->master || !peer->master || claimed->master == peer->master)
		return 0;
	err = add(l, h, (struct patch){ .bridge = peer->master, .outward = true, .veth = claimed });
	return err < 0 ? err : add(l, h, (struct patch){ .bridge = claimed->master, .veth = claimed });
}

void patch_seal(struct patch_list *l)
{
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), compare);
}

void patch_list_free(struct patch_list *l)
{
	free(l->list);
	*l = (struct patch_list){ 0 };
}

const struct patch *patch_of(const struct patch_list *l, const struct link *tap)
{
	return tap->master ? byifindex_find(l->list, l->n, sizeof(*l->list), tap->master) : NULL;
}
