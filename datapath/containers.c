// SPDX-License-Identifier: GPL-2.0-or-later
#include "containers.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/net/nsid.h"
#include "kernel/net/route.h"
#include "kernel/proc/procfs.h"
#include "kernel/vmm/container.h"

#include <errno.h>
#include <stdio.h>

#define NETNS_FOLDER "/run/netns"

struct found {
	struct host_container *list;
	size_t n;
};

static void found_free(struct found *f)
{
	free(f->list);
}

static int put(struct found *f, const char *selector, int32_t nsid)
{
	if (array_reserve(&f->list, f->n, sizeof(*f->list)) < 0)
		return -ENOMEM;
	f->list[f->n] = (struct host_container){ .nsid = nsid };
	snprintf(f->list[f->n++].selector, sizeof(f->list->selector), "%s", selector);
	return 0;
}

static int find_one(struct rtnl *r, const char *selector, struct found *f)
{
	int *fds = NULL;
	size_t n = 0;
	int err = container_netns(PROCFS_ROOT, NETNS_FOLDER, selector, &fds, &n);

	for (size_t i = 0; i < n && err >= 0; i++) {
		int32_t nsid;

		if (nsid_of(r, fds[i], &nsid) == 0) /* else no veth of this host leads there */
			err = put(f, selector, nsid);
	}
	container_netns_close(fds, n);
	return err;
}

int containers_read(struct rtnl *r, const struct model *m, struct host *h)
{
	_cleanup_(found_free) struct found f = { 0 };
	uint32_t route = 0;
	bool rerouted;
	int err = 0;

	for (size_t i = 0; i < m->n_nodes && err >= 0; i++)
		if (m->nodes[i].kind == NODE_DEVICE && m->nodes[i].select == SELECT_CONTAINER)
			err = find_one(r, m->nodes[i].selector, &f);
	if (err >= 0 && model_has_several_uplinks(m))
		err = route_out(r, &route);
	if (err < 0)
		return err;
	rerouted = h->route_out != route;
	h->route_out = route;
	return host_set_containers(h, TAKE_PTR(f.list), f.n) || rerouted;
}
