// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe.h"

#include "base/cleanup.h"
#include "kernel/net/filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int observe_uplink(struct rtnl *r, const struct link *ifb, struct tree *t)
{
	_cleanup_free_ struct htb_class *classes = NULL;
	struct tree_uplink *u, *bigger;
	size_t n = 0;
	int err = htb_list(r, ifb->ifindex, &classes, NULL, &n);

	if (err < 0)
		return err;
	bigger = reallocarray(t->uplinks, t->n_uplinks + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	t->uplinks = bigger;
	u = &t->uplinks[t->n_uplinks];
	*u = (struct tree_uplink){ .direction = DIRECTION_TX, .ifb = ifb->ifindex, .node = NODE_NONE };
	snprintf(u->name, sizeof(u->name), "%.*s", IFNAMSIZ - 1, ifb->alias + strlen(OBSERVE_ALIAS_PREFIX));
	u->classes = calloc(n + 1, sizeof(*u->classes));
	if (!u->classes)
		return -ENOMEM;
	t->n_uplinks++;
	for (size_t i = 0; i < n; i++)
		u->classes[u->n_classes++] = (struct tree_class){ .htb = classes[i], .node = NODE_NONE };
	return 0;
}

/* Links come in the order of their ifindexes, and so do the uplinks until the tree is sorted. */
static uint32_t uplink_of_ifb(const struct tree *t, uint32_t ifb)
{
	size_t lo = 0, hi = t->n_uplinks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->uplinks[mid].ifb < ifb)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_uplinks && t->uplinks[lo].ifb == ifb ? (uint32_t)lo : NODE_NONE;
}

static int observe_vnic(struct rtnl *r, const struct link *l, struct tree *t)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;
	int err = filter_list(r, l->ifindex, &f, &n);

	if (err == -ENODEV)
		return 0;
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++) {
		uint32_t uplink = uplink_of_ifb(t, f[i].redirect);

		if (!f[i].ours)
			continue;
		/* A filter without its IFB still counts: it has to be replaced or removed. */
		t->vnics[t->n_vnics++] = (struct tree_vnic){
			.ifindex = l->ifindex,
			.uplink = uplink == NODE_NONE ? 0 : uplink,
			.minor = (uint16_t)(f[i].classid & 0xffff),
			.hook = HOOK_CLSACT,
			.node = NODE_NONE,
		};
		break;
	}
	return 0;
}

int observe(struct rtnl *r, struct tree *out)
{
	_cleanup_(tree_freep) struct tree t = { 0 };
	_cleanup_free_ struct link *links = NULL;
	size_t n = 0;
	int err = link_list(r, &links, &n);

	if (err < 0)
		return err;
	t.vnics = calloc(n + 1, sizeof(*t.vnics));
	if (!t.vnics)
		return -ENOMEM;
	for (size_t i = 0; i < n && err >= 0; i++)
		if (links[i].kind == LINK_IFB &&
		    strncmp(links[i].alias, OBSERVE_ALIAS_PREFIX, strlen(OBSERVE_ALIAS_PREFIX)) == 0)
			err = observe_uplink(r, &links[i], &t);
	for (size_t i = 0; i < n && err >= 0; i++)
		if (!binding_unschedulable(&links[i]))
			err = observe_vnic(r, &links[i], &t);
	if (err >= 0)
		err = tree_sort(&t);
	if (err < 0)
		return err;
	*out = t;
	t = (struct tree){ 0 };
	return 0;
}
