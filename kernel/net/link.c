/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include "attr.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16) /* <linux/if.h> has it, but does not go with <net/if.h> */
#endif

#define GSO_MAX_DEFAULT 65536U /* include/linux/netdevice.h, GSO_LEGACY_MAX_SIZE */

static const struct {
	const char *name;
	enum link_kind kind;
} kinds[] = {
	{ "tun", LINK_TUN },         { "veth", LINK_VETH }, { "macvtap", LINK_MACVTAP },
	{ "ifb", LINK_IFB },         { "bridge", LINK_BRIDGE },
};

/* A request about one link: the family header and room for an attribute. */
struct link_request {
	struct ifinfomsg ifi;
	struct nlattr attr;
	char payload[IFNAMSIZ];
};

static void parse_tun(const struct nlattr *data, struct link *l)
{
	const struct nlattr *tb[IFLA_TUN_NUM_QUEUES + 1];

	attr_table_nested(data, tb, IFLA_TUN_NUM_QUEUES);
	l->tap = attr_u8(tb[IFLA_TUN_TYPE], 0) == IFF_TAP;
	l->multi_queue = attr_u8(tb[IFLA_TUN_MULTI_QUEUE], 0);
	l->queues = attr_u32(tb[IFLA_TUN_NUM_QUEUES], 1);
}

static void parse_kind(const struct nlattr *info, struct link *l)
{
	const struct nlattr *tb[IFLA_INFO_DATA + 1];

	attr_table_nested(info, tb, IFLA_INFO_DATA);
	attr_str(tb[IFLA_INFO_KIND], l->kind_name, sizeof(l->kind_name));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(l->kind_name, kinds[i].name) == 0)
			l->kind = kinds[i].kind;
	if (l->kind == LINK_TUN)
		parse_tun(tb[IFLA_INFO_DATA], l);
}

static void parse_altnames(const struct nlattr *list, struct link *l)
{
	const struct nlattr *attr;
	size_t n = 0;

	if (!list)
		return;
	attr_for_each_nested(attr, list) {
		size_t len = strnlen(attr_data(attr), attr_size(attr));

		/* One NUL behind each, and one behind all. */
		if (attr_type(attr) != IFLA_ALT_IFNAME || len == 0 || n + len + 2 > sizeof(l->altnames))
			continue;
		memcpy(l->altnames + n, attr_data(attr), len);
		n += len + 1;
	}
}

int link_parse(const struct nlmsghdr *nlh, struct link *out)
{
	const struct nlattr *tb[IFLA_PROP_LIST + 1];
	const struct nlattr *xdp[IFLA_XDP_PROG_ID + 1];
	struct link l = { .kind = LINK_OTHER, .queues = 1 };
	struct ifinfomsg ifi;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(ifi))
		return -EBADMSG;
	memcpy(&ifi, mnl_nlmsg_get_payload(nlh), sizeof(ifi));
	attr_table(nlh, sizeof(ifi), tb, IFLA_PROP_LIST);
	/* AF_BRIDGE: a bridge's port changed; same message type, without what makes the link. */
	if (ifi.ifi_index <= 0 || !tb[IFLA_IFNAME] || ifi.ifi_family == AF_BRIDGE)
		return -EBADMSG;
	l.ifindex = (uint32_t)ifi.ifi_index;
	l.up = ifi.ifi_flags & IFF_UP;
	l.carrier = ifi.ifi_flags & IFF_LOWER_UP;
	l.attached = attr_u8(tb[IFLA_CARRIER], l.carrier);
	attr_str(tb[IFLA_IFNAME], l.name, sizeof(l.name));
	attr_str(tb[IFLA_IFALIAS], l.alias, sizeof(l.alias));
	l.master = attr_u32(tb[IFLA_MASTER], 0);
	l.lower = attr_u32(tb[IFLA_LINK], 0);
	if (l.lower == l.ifindex) /* some tunnels name themselves */
		l.lower = 0;
	l.mtu = attr_u32(tb[IFLA_MTU], 0);
	l.txqlen = attr_u32(tb[IFLA_TXQLEN], 0);
	l.gso_max = attr_u32(tb[IFLA_GSO_MAX_SIZE], GSO_MAX_DEFAULT);
	l.peer_netns = (int32_t)attr_u32(tb[IFLA_LINK_NETNSID], (uint32_t)-1);
	(void)attr_copy(tb[IFLA_ADDRESS], l.mac, sizeof(l.mac));
	attr_table_nested(tb[IFLA_XDP], xdp, IFLA_XDP_PROG_ID);
	l.xdp = attr_u32(xdp[IFLA_XDP_PROG_ID], 0);
	parse_altnames(tb[IFLA_PROP_LIST], &l);
	parse_kind(tb[IFLA_LINKINFO], &l);
	*out = l;
	return 0;
}

struct link_dump {
	struct link *links;
	size_t n;
};

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	struct link_dump *d = arg;
	int err;

	if (!nlh) {
		d->n = 0;
		freep(&d->links);
		d->links = NULL;
		return 0;
	}
	err = array_reserve(&d->links, d->n, sizeof(*d->links));
	if (err < 0)
		return err;
	if (link_parse(nlh, &d->links[d->n]) == 0)
		d->n++;
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	uint32_t x = ((const struct link *)a)->ifindex, y = ((const struct link *)b)->ifindex;

	return (x > y) - (x < y);
}

static size_t request_attr(struct link_request *req, uint16_t type, const void *payload, size_t size)
{
	req->attr.nla_type = type;
	req->attr.nla_len = (uint16_t)(NLA_HDRLEN + size);
	memcpy(req->payload, payload, size);
	return offsetof(struct link_request, payload) + NLA_ALIGN(size);
}

int link_list(struct rtnl *r, struct link **links, size_t *n)
{
	/* A link's statistics are most of its message, and struct link has none of them. */
	static const uint32_t mask = RTEXT_FILTER_SKIP_STATS;
	struct link_request req = { .ifi.ifi_family = AF_UNSPEC };
	struct link_dump d = { 0 };
	size_t size = request_attr(&req, IFLA_EXT_MASK, &mask, sizeof(mask));
	int err = rtnl_dump(r, RTM_GETLINK, &req, size, collect, &d);

	if (err < 0) {
		free(d.links);
		return err;
	}
	if (d.n)
		qsort(d.links, d.n, sizeof(*d.links), by_ifindex);
	*links = d.links;
	*n = d.n;
	return 0;
}

static int take_one(const struct nlmsghdr *nlh, void *arg)
{
	return link_parse(nlh, arg);
}

int link_get(struct rtnl *r, const char *name, struct link *out)
{
	struct link_request req = { .ifi.ifi_family = AF_UNSPEC };
	struct link l = { 0 };
	size_t len = strnlen(name, IFNAMSIZ);
	int err;

	if (len == 0 || len >= IFNAMSIZ)
		return -ENODEV;
	err = rtnl_get(r, RTM_GETLINK, &req, request_attr(&req, IFLA_IFNAME, name, len + 1), take_one, &l);
	if (err < 0)
		return err;
	if (l.ifindex == 0)
		return -EBADMSG;
	*out = l;
	return 0;
}

int link_get_index(struct rtnl *r, uint32_t ifindex, struct link *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct link l = { 0 };
	int err = rtnl_get(r, RTM_GETLINK, &ifi, sizeof(ifi), take_one, &l);

	if (err < 0)
		return err;
	if (l.ifindex != ifindex)
		return -EBADMSG;
	*out = l;
	return 0;
}

/*
 * The kernel does not take an alias when it makes a link (net/core/rtnetlink.c,
 * rtnl_create_link()), so a second request of the same batch gives it. If the first request fails because
 * the name is taken, the second must not hit the link that has the name. So the new link gets an index of
 * our choice, far above those that the kernel hands out in turn, and the alias goes to that index.
 */
static int choose_ifindex(int *ifindex)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	*ifindex = (int)(0x40000000U | (random & 0x3fffffffU));
	return 0;
}

int link_add_ifb(struct rtnl *r, const char *name, const char *alias, uint32_t txqlen, uint64_t tag)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifinfomsg again = { .ifi_family = AF_UNSPEC };
	struct nlmsghdr *nlh;
	struct nlattr *info;
	int err;

	if (strlen(name) >= IFNAMSIZ || strlen(alias) >= LINK_ALIAS_SIZE)
		return -EINVAL;
	err = choose_ifindex(&ifi.ifi_index);
	if (err < 0)
		return err;
	nlh = rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), tag);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, txqlen);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, 1);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ifb");
	mnl_attr_nest_end(nlh, info);

	again.ifi_index = ifi.ifi_index;
	nlh = rtnl_add(r, RTM_SETLINK, 0, &again, sizeof(again), tag);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, alias);
	return 0;
}

int link_set_ifb(struct rtnl *r, uint32_t ifindex, const char *alias, uint32_t txqlen, uint64_t tag)
{
	struct ifinfomsg ifi = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nlmsghdr *nlh;

	if (strlen(alias) >= LINK_ALIAS_SIZE)
		return -EINVAL;
	nlh = rtnl_add(r, RTM_SETLINK, 0, &ifi, sizeof(ifi), tag);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, alias);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, txqlen);
	return 0;
}

int link_del(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };

	return rtnl_add(r, RTM_DELLINK, 0, &ifi, sizeof(ifi), tag) ? 0 : -ENOMEM;
}
