// SPDX-License-Identifier: GPL-2.0-or-later
#include "ifb.h"

#include <stdio.h>
#include <string.h>

#define ALIAS_RX "/rx"        /* no interface has a '/' in its name */

bool ifb_has_alias(const struct link *l)
{
	return strncmp(l->alias, IFB_ALIAS_PREFIX, strlen(IFB_ALIAS_PREFIX)) == 0;
}

const char *ifb_alias(const char *uplink, enum direction direction, char buf[LINK_ALIAS_SIZE])
{
	snprintf(buf, LINK_ALIAS_SIZE, IFB_ALIAS_PREFIX "%s%s", uplink, direction == DIRECTION_RX ? ALIAS_RX : "");
	return buf;
}

void ifb_parse_alias(const char *alias, struct tree_uplink *u)
{
	const char *name = alias + strlen(IFB_ALIAS_PREFIX), *slash = strchr(name, '/');
	int n = slash ? (int)(slash - name) : (int)strlen(name);

	u->direction = slash && strcmp(slash, ALIAS_RX) == 0 ? DIRECTION_RX : DIRECTION_TX;
	snprintf(u->name, sizeof(u->name), "%.*s", n < IFNAMSIZ ? n : IFNAMSIZ - 1, name);
}

bool ifb_differs(const struct link *ifb, const struct tree_uplink *u)
{
	char alias[LINK_ALIAS_SIZE];

	return !ifb->up || ifb->txqlen != IFB_TXQLEN ||
	       strcmp(ifb->alias, ifb_alias(u->name, u->direction, alias)) != 0;
}
