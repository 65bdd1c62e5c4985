/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How divvy makes the link of an IFB, and knows it again. */

#include "kernel/net/link.h"
#include "plan/tree.h"

#define IFB_ALIAS_PREFIX "divvy:" /* then the uplink's name */
/* Packets between HTB and re-injection; the kernel's default of 32 stalls it. */
#define IFB_TXQLEN 1000

/* The alias by which the IFB of an uplink and direction is known again: "divvy:eth0", "divvy:eth0/rx". Returns buf. */
const char *ifb_alias(const char *uplink, enum direction direction, char buf[LINK_ALIAS_SIZE]);
/* Whether the link's alias is one of divvy's. */
bool ifb_has_alias(const struct link *l);
/* The uplink's name and the direction that such an alias says, into *u. */
void ifb_parse_alias(const char *alias, struct tree_uplink *u);
/* Whether an IFB of divvy's is not as divvy makes it for this uplink and direction: it is down, say. */
bool ifb_differs(const struct link *ifb, const struct tree_uplink *u);
