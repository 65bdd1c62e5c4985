// SPDX-License-Identifier: GPL-2.0-or-later
#include "hurdles.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "plan/bind.h"

#include <errno.h>
#include <string.h>

/* Append those of one kind, in the order of the host's links, which is that of their ifindexes. */
static int append(const struct host *h, const struct nft_hook *hooks, size_t n_hooks, enum nft_hook_kind kind,
		  struct hurdle_list *out)
{
	for (size_t i = 0; i < h->n_links && n_hooks; i++) {
		const struct link *l = &h->links[i];
		const struct nft_hook *hook = nft_hook_on(hooks, n_hooks, l->name, kind);
		struct hurdle one = { .ifindex = l->ifindex, .kind = kind };

		/* At the ingress of other links divvy takes no packet. */
		if (!hook || (kind == NFT_HOOK_INGRESS && binding_unschedulable(l)))
			continue;
		memcpy(one.device, l->name, sizeof(one.device));
		memcpy(one.chain, hook->name, sizeof(one.chain));
		if (array_reserve(&out->list, out->n, sizeof(one)) < 0)
			return -ENOMEM;
		out->list[out->n++] = one;
	}
	return 0;
}

int hurdles_read(const struct host *h, struct hurdle_list *out)
{
	_cleanup_free_ struct nft_hook *hooks = NULL;
	_cleanup_(hurdle_list_freep) struct hurdle_list found = { 0 };
	size_t n = 0;

	found.error = nft_hooks(&hooks, &n);
	for (size_t i = 0; i < n; i++)
		found.egress |= hooks[i].kind == NFT_HOOK_EGRESS;
	if (append(h, hooks, n, NFT_HOOK_INGRESS, &found) < 0)
		return -ENOMEM;
	found.n_ingress = found.n;
	if (append(h, hooks, n, NFT_HOOK_EGRESS, &found) < 0)
		return -ENOMEM;
	*out = found;
	found = (struct hurdle_list){ 0 };
	return 0;
}
