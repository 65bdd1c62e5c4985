// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports.h"

#include <string.h>

static bool is_in(const struct link *l, const struct link *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == l)
			return true;
	return false;
}

static bool is_vms(const struct link *l)
{
	return l->kind == LINK_TUN || l->kind == LINK_VETH || l->kind == LINK_MACVTAP || l->kind == LINK_IFB;
}

bool port_is_below(const struct link *upper, const struct link *l)
{
	if (upper->kind == LINK_BRIDGE)
		return l->master == upper->ifindex && !is_vms(l);
	if (l->master == upper->ifindex)
		return true;
	return upper->kind != LINK_VETH && upper->peer_netns < 0 && upper->lower == l->ifindex;
}

size_t ports_of(const struct host *h, const struct link *uplink, const struct link *out[PORTS_MAX])
{
	size_t n = 0;

	out[n++] = uplink;
	for (size_t at = 0; at < n; at++)
		for (size_t i = 0; i < h->n_links && n < PORTS_MAX; i++)
			if (port_is_below(out[at], &h->links[i]) && !is_in(&h->links[i], out, n))
				out[n++] = &h->links[i];
	return n;
}

bool port_has_speed(const struct link *l)
{
	return !is_vms(l) && l->kind != LINK_BRIDGE;
}
