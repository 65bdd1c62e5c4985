// SPDX-License-Identifier: GPL-2.0-or-later
#include "route.h"

#include "attr.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

struct route_request {
	struct rtmsg rtm;
	struct nlattr attr;
	uint8_t dst[16];
};

static int take_oif(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[RTA_OIF + 1];
	uint32_t *ifindex = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct rtmsg))
		return 0;
	attr_table(nlh, sizeof(struct rtmsg), tb, RTA_OIF);
	*ifindex = attr_u32(tb[RTA_OIF], 0);
	return 0;
}

static int ask(struct rtnl *r, uint8_t family, const void *dst, size_t size, uint32_t *ifindex)
{
	struct route_request req = { .rtm = { .rtm_family = family, .rtm_dst_len = (uint8_t)(8 * size) },
				     .attr = { .nla_type = RTA_DST, .nla_len = (uint16_t)(NLA_HDRLEN + size) } };
	uint32_t found = 0;
	int err;

	memcpy(req.dst, dst, size);
	err = rtnl_get(r, RTM_GETROUTE, &req, offsetof(struct route_request, dst) + size, take_oif, &found);
	if (err < 0)
		return err;
	if (!found)
		return -ENETUNREACH;
	*ifindex = found;
	return 0;
}

int route_out(struct rtnl *r, uint32_t *ifindex)
{
	static const uint8_t ipv4[4] = { 192, 0, 2, 1 }, ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	int err = ask(r, AF_INET, ipv4, sizeof(ipv4), ifindex);

	return err < 0 ? ask(r, AF_INET6, ipv6, sizeof(ipv6), ifindex) : err;
}
