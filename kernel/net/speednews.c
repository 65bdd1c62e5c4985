// SPDX-License-Identifier: GPL-2.0-or-later
#include "speednews.h"

#include "attr.h"
#include "base/cleanup.h"
#include "nlsock.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

struct family_request {
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[NLMSG_ALIGN(sizeof(ETHTOOL_GENL_NAME))];
};

/* CTRL_ATTR_MCAST_GROUPS: a list of nests of a name and a number. */
static uint32_t group_called(const struct nlattr *groups, const char *name)
{
	const struct nlattr *one;
	char text[GENL_NAMSIZ];

	attr_for_each_nested(one, groups) {
		const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_ID + 1];

		attr_table_nested(one, tb, CTRL_ATTR_MCAST_GRP_ID);
		attr_str(tb[CTRL_ATTR_MCAST_GRP_NAME], text, sizeof(text));
		if (strcmp(text, name) == 0)
			return attr_u32(tb[CTRL_ATTR_MCAST_GRP_ID], 0);
	}
	return 0;
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GROUPS + 1];

	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return 0;
	attr_table(nlh, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MCAST_GROUPS);
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		*(uint32_t *)arg = group_called(tb[CTRL_ATTR_MCAST_GROUPS], ETHTOOL_MCGRP_MONITOR_NAME);
	return 0;
}

static int find_group(uint32_t *group)
{
	struct family_request req = { .genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
				      .attr = { .nla_len = NLA_HDRLEN + sizeof(ETHTOOL_GENL_NAME),
						.nla_type = CTRL_ATTR_FAMILY_NAME },
				      .name = ETHTOOL_GENL_NAME };
	struct nlsock *s = malloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = nlsock_open(s, NETLINK_GENERIC, 0);
	if (r >= 0) {
		*group = 0;
		r = nlsock_get(s, GENL_ID_CTRL, &req, sizeof(req), take_family, group);
		nlsock_close(s);
	}
	free(s);
	return r < 0 ? r : *group ? 0 : -ENOENT;
}

int speednews_open(void)
{
	_cleanup_close_ int fd = -1;
	uint32_t group = 0;
	int r = find_group(&group);

	if (r < 0)
		return r;
	fd = nlsock_open_fd(NETLINK_GENERIC, 0);
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int count(const struct nlmsghdr *nlh, void *arg)
{
	struct genlmsghdr genl;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(genl))
		return 0;
	memcpy(&genl, mnl_nlmsg_get_payload(nlh), sizeof(genl));
	*(int *)arg += genl.cmd == ETHTOOL_MSG_LINKINFO_NTF || genl.cmd == ETHTOOL_MSG_LINKMODES_NTF;
	return 0;
}

int speednews_read(int fd)
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	int n = 0;

	return nlsock_events(fd, buf, sizeof(buf), count, &n) < 0 ? n + 1 : n;
}
