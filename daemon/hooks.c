// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hooks_free(struct hooks *h)
{
	free(h->list);
	*h = (struct hooks){ 0 };
}

static size_t lower_bound(const struct hooks *h, uint32_t ifindex)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->list[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct hook *hooks_find(const struct hooks *h, uint32_t ifindex)
{
	size_t at = lower_bound(h, ifindex);

	return at < h->n && h->list[at].ifindex == ifindex ? &h->list[at] : NULL;
}

int hooks_add(struct hooks *h, uint32_t ifindex, const char *name, bool ours)
{
	size_t at = lower_bound(h, ifindex);
	struct hook *bigger;

	if (at < h->n && h->list[at].ifindex == ifindex)
		return 0;
	bigger = reallocarray(h->list, h->n + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	h->list = bigger;
	memmove(&bigger[at + 1], &bigger[at], (h->n - at) * sizeof(*bigger));
	bigger[at] = (struct hook){ .ifindex = ifindex, .ours = ours };
	snprintf(bigger[at].name, sizeof(bigger[at].name), "%s", name);
	h->n++;
	return 0;
}

void hooks_drop(struct hooks *h, uint32_t ifindex)
{
	size_t at = lower_bound(h, ifindex);

	if (at == h->n || h->list[at].ifindex != ifindex)
		return;
	memmove(&h->list[at], &h->list[at + 1], (h->n - at - 1) * sizeof(*h->list));
	h->n--;
}
