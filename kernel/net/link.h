/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Network interfaces: what there is, and divvy's IFB devices. */

#include "rtnl.h"

#include <net/if.h>
#include <stdbool.h>
#include <string.h>

enum link_kind {
	LINK_OTHER,
	LINK_TUN,     /* tap (link.tap) or tun */
	LINK_VETH,
	LINK_MACVTAP,
	LINK_IFB,
	LINK_BRIDGE,
};

#define LINK_ALIAS_SIZE 80
/* All altnames of a link, each with its NUL; one may have up to 127 bytes (ALTIFNAMSIZ). Further ones are not known. */
#define LINK_ALTNAMES_SIZE 160

struct link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	enum link_kind kind;
	char kind_name[16]; /* IFLA_INFO_KIND as the kernel says it; "": hardware */
	bool tap;          /* LINK_TUN: a tap, not a tun */
	bool multi_queue;  /* LINK_TUN */
	uint32_t queues;   /* LINK_TUN: attached queues (IFLA_TUN_NUM_QUEUES), in a host the most so far; else 1 */
	bool up;           /* administratively */
	bool carrier;      /* IFF_LOWER_UP: it is up, and has a carrier */
	bool attached;     /* IFLA_CARRIER, also while it is down: a tap's descriptor is attached */
	uint32_t master;   /* ifindex of the bridge, bond or VRF; 0: none */
	uint32_t lower;    /* ifindex that it sits on (VLAN, macvlan) or a veth's peer, in peer_netns; 0: none */
	uint32_t mtu;
	uint32_t gso_max;  /* IFLA_GSO_MAX_SIZE, bytes; 65536 where the kernel does not say */
	uint32_t txqlen;
	uint32_t xdp;      /* number of the XDP program; 0: none */
	uint8_t mac[6];
	char alias[LINK_ALIAS_SIZE]; /* IFLA_IFALIAS, "" if none */
	char altnames[LINK_ALTNAMES_SIZE]; /* one behind the other, "" ends them */
	int32_t peer_netns; /* namespace of lower: IFLA_LINK_NETNSID; -1: the same, or there is no lower */
};

/* Fill *out from RTM_NEWLINK or RTM_DELLINK. 0; -EBADMSG: the message is neither, or cut short. */
int link_parse(const struct nlmsghdr *nlh, struct link *out);

/* Whether the link is called so besides its name (ip link property add ... altname). */
static inline bool link_has_altname(const struct link *l, const char *name)
{
	for (const char *at = l->altnames; *at; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

/* All links, sorted by ifindex. *links is the caller's to free. 0 or negative errno. */
int link_list(struct rtnl *r, struct link **links, size_t *n);
/* One link by name, or by ifindex. 0; -ENODEV: there is none; or another negative errno. */
int link_get(struct rtnl *r, const char *name, struct link *out);
int link_get_index(struct rtnl *r, uint32_t ifindex, struct link *out);

/*
 * Append to the batch: make an IFB of this name and alias, with one queue, txqlen packets, up. tag: given
 * back by rtnl_commit() on failure. 0; -EINVAL: name or alias is too long; -ENOMEM; ...
 */
int link_add_ifb(struct rtnl *r, const char *name, const char *alias, uint32_t txqlen, uint64_t tag);
/* Append to the batch: set an IFB up, and give it this alias and queue. 0; -EINVAL: alias is too long; -ENOMEM. */
int link_set_ifb(struct rtnl *r, uint32_t ifindex, const char *alias, uint32_t txqlen, uint64_t tag);
/* Append to the batch: delete a link. 0 or -ENOMEM. */
int link_del(struct rtnl *r, uint32_t ifindex, uint64_t tag);
