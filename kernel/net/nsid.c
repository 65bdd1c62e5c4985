// SPDX-License-Identifier: GPL-2.0-or-later
#include "nsid.h"

#include "attr.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

struct request {
	struct rtgenmsg gen;
	uint8_t pad[NLMSG_ALIGN(sizeof(struct rtgenmsg)) - sizeof(struct rtgenmsg)];
	struct nlattr attr;
	uint32_t fd;
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NETNSA_MAX + 1] = { 0 };

	if (nlh->nlmsg_type != RTM_NEWNSID || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
		return -EBADMSG;
	attr_table(nlh, sizeof(struct rtgenmsg), tb, NETNSA_MAX);
	*(int32_t *)arg = (int32_t)attr_u32(tb[NETNSA_NSID], (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
	return 0;
}

int nsid_of(struct rtnl *r, int netns, int32_t *nsid)
{
	struct request req = { .attr = { .nla_type = NETNSA_FD, .nla_len = NLA_HDRLEN + sizeof(uint32_t) },
			       .fd = (uint32_t)netns };
	int32_t found = NETNSA_NSID_NOT_ASSIGNED;
	int err = rtnl_get(r, RTM_GETNSID, &req, sizeof(req), take, &found);

	if (err < 0)
		return err;
	if (found == NETNSA_NSID_NOT_ASSIGNED)
		return -ENOENT;
	*nsid = found;
	return 0;
}
