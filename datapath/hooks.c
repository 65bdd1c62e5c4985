// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks.h"

#include "base/byifindex.h"

#include <stdio.h>
#include <stdlib.h>

void hooks_free(struct hooks *h)
{
	free(h->list);
	*h = (struct hooks){ 0 };
}

const struct hook *hooks_find(const struct hooks *h, uint32_t ifindex)
{
	return byifindex_find(h->list, h->n, sizeof(*h->list), ifindex);
}

int hooks_add(struct hooks *h, uint32_t ifindex, const char *name, bool ours, bool clsact)
{
	struct hook new = { .ifindex = ifindex, .ours = ours, .clsact = clsact };

	if (hooks_find(h, ifindex))
		return 0;
	snprintf(new.name, sizeof(new.name), "%s", name);
	return byifindex_insert(&h->list, &h->n, sizeof(new), &new);
}

void hooks_not_ours(struct hooks *h, uint32_t ifindex)
{
	struct hook *hook = byifindex_find(h->list, h->n, sizeof(*hook), ifindex);

	if (hook)
		hook->ours = false;
}

void hooks_drop(struct hooks *h, uint32_t ifindex)
{
	struct hook *hook = byifindex_find(h->list, h->n, sizeof(*hook), ifindex);

	if (hook)
		byifindex_remove(h->list, &h->n, sizeof(*hook), hook);
}
