// SPDX-License-Identifier: GPL-2.0-or-later
#include "hurdles.h"

#include "base/cleanup.h"
#include "kernel/net/nft.h"

#include <errno.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct plan_hurdle *)a)->nic, ((const struct plan_hurdle *)b)->nic);
}

int hurdles_read(const struct host *h, const struct tree *have, struct plan_hurdle **list, size_t *n)
{
	_cleanup_free_ struct nft_hook *hooks = NULL;
	_cleanup_free_ struct plan_hurdle *found = NULL;
	size_t n_hooks = 0, n_found = 0;
	int err = nft_hooks(&hooks, &n_hooks);

	if (err < 0)
		return err;
	found = calloc(h->n_links + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_links && n_hooks; i++) {
		const struct link *l = &h->links[i];
		const struct nft_hook *hook;

		if (binding_unschedulable(l) || tree_vnic(have, l->ifindex))
			continue;
		hook = nft_hook_on(hooks, n_hooks, l->name, NFT_HOOK_INGRESS);
		if (!hook)
			continue;
		memcpy(found[n_found].nic, l->name, sizeof(found[n_found].nic));
		memcpy(found[n_found++].chain, hook->name, sizeof(hook->name));
	}
	if (n_found)
		qsort(found, n_found, sizeof(*found), compare);
	*list = TAKE_PTR(found);
	*n = n_found;
	return 0;
}
