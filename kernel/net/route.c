// SPDX-License-Identifier: GPL-2.0-or-later
#include "route.h"

#include "attr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* Addresses that no host has (RFC 5737, RFC 3849): only a default route fits them. */
#define NOWHERE "192.0.2.1"
#define NOWHERE6 "2001:db8::1"

struct request {
	struct rtmsg rtm;
	struct nlattr attr;
	uint8_t address[16];
};

/* RTM_F_FIB_MATCH: the route itself, not the one of its next hops that this packet would take. */
static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[RTA_MAX + 1] = { 0 };
	uint32_t *ifindex = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg)))
		return -EBADMSG;
	attr_table(nlh, sizeof(struct rtmsg), tb, RTA_MAX);
	if (!tb[RTA_MULTIPATH])
		*ifindex = attr_u32(tb[RTA_OIF], 0);
	return 0;
}

static int ask(struct rtnl *r, int family, const char *address, uint32_t *ifindex)
{
	size_t size = family == AF_INET ? 4 : 16;
	struct request req = { .rtm = { .rtm_family = (uint8_t)family,
					.rtm_dst_len = (uint8_t)(8 * size),
					.rtm_flags = RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH },
			       .attr = { .nla_type = RTA_DST, .nla_len = (uint16_t)(NLA_HDRLEN + size) } };
	int err;

	*ifindex = 0;
	inet_pton(family, address, req.address);
	err = rtnl_get(r, RTM_GETROUTE, &req, sizeof(req.rtm) + sizeof(req.attr) + size, take, ifindex);
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ? 0 : err;
}

int route_out(struct rtnl *r, uint32_t *ifindex)
{
	uint32_t found;
	int err = ask(r, AF_INET, NOWHERE, &found);

	if (err >= 0 && !found)
		err = ask(r, AF_INET6, NOWHERE6, &found);
	if (err < 0 && err != -EOPNOTSUPP && err != -EAFNOSUPPORT)
		return err;
	*ifindex = err < 0 ? 0 : found;
	return 0;
}
