/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft.h"

#include "attr.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef NF_NETDEV_INGRESS
#define NF_NETDEV_INGRESS 0
#endif
/* Since Linux 6.17: a hook on all devices whose name starts so. Before, 6.16 sent a name without its NUL. */
#define DEVICE_PREFIX 2
#define ATTR_MAX 8 /* of those in the table below */
#define DUMP_TRIES 32
#define ANSWER_TIMEOUT_S 5

struct search {
	const char *ifname;
	char *name; /* "table/chain", "" while nothing is found */
	size_t size;
};

/* What to dump, and where its messages have table, name, hook and devices. */
static const struct object {
	uint16_t type;
	uint16_t table, name, hook;
	uint16_t hook_num, hook_dev, hook_devs; /* hook_dev 0: there is no such attribute */
} objects[] = {
	{
		.type = NFT_MSG_GETCHAIN,
		.table = NFTA_CHAIN_TABLE,
		.name = NFTA_CHAIN_NAME,
		.hook = NFTA_CHAIN_HOOK,
		.hook_num = NFTA_HOOK_HOOKNUM,
		.hook_dev = NFTA_HOOK_DEV,
		.hook_devs = NFTA_HOOK_DEVS,
	},
	{ /* a flowtable's hook is always at ingress */
		.type = NFT_MSG_GETFLOWTABLE,
		.table = NFTA_FLOWTABLE_TABLE,
		.name = NFTA_FLOWTABLE_NAME,
		.hook = NFTA_FLOWTABLE_HOOK,
		.hook_num = NFTA_FLOWTABLE_HOOK_NUM,
		.hook_devs = NFTA_FLOWTABLE_HOOK_DEVS,
	},
};

struct dump {
	struct search *search;
	const struct object *object;
};

static bool names_device(const struct nlattr *a, const char *ifname)
{
	const char *name = mnl_attr_get_payload(a);
	size_t have = mnl_attr_get_payload_len(a), len = strnlen(name, have);

	if (mnl_attr_get_type(a) == DEVICE_PREFIX || len == have)
		return strncmp(name, ifname, len) == 0;
	return strcmp(name, ifname) == 0;
}

static bool hook_has_device(const struct object *o, const struct nlattr **hook, const char *ifname)
{
	const struct nlattr *a;

	if (o->hook_dev && hook[o->hook_dev] && names_device(hook[o->hook_dev], ifname))
		return true;
	if (!hook[o->hook_devs])
		return false;
	attr_for_each_nested(a, hook[o->hook_devs])
		if (names_device(a, ifname))
			return true;
	return false;
}

/* Hook numbers are counted per family: netdev has ingress and egress, inet's ingress follows IP's five. */
static bool hook_is_ingress(const struct nlmsghdr *nlh, const struct object *o, const struct nlattr **hook)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	uint32_t num = ntohl(attr_u32(hook[o->hook_num], 0));

	if (o->type == NFT_MSG_GETFLOWTABLE)
		return true;
	return (nfg->nfgen_family == NFPROTO_NETDEV && num == NF_NETDEV_INGRESS) ||
	       (nfg->nfgen_family == NFPROTO_INET && num == NF_INET_INGRESS);
}

static int look_at(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[ATTR_MAX + 1], *hook[ATTR_MAX + 1];
	const struct dump *d = arg;
	const struct object *o = d->object;
	struct search *s = d->search;
	char table[64], name[64];

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg) || s->name[0])
		return MNL_CB_OK;
	attr_table(nlh, sizeof(struct nfgenmsg), tb, ATTR_MAX);
	if (!tb[o->hook])
		return MNL_CB_OK;
	attr_table_nested(tb[o->hook], hook, ATTR_MAX);
	if (!hook_is_ingress(nlh, o, hook) || !hook_has_device(o, hook, s->ifname))
		return MNL_CB_OK;
	attr_str(tb[o->table], table, sizeof(table));
	attr_str(tb[o->name], name, sizeof(name));
	snprintf(s->name, s->size, "%s/%s", table, name);
	return MNL_CB_OK;
}

static int read_dump(struct mnl_socket *nl, struct dump *d, uint32_t seq)
{
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO))); /* the most that a dump fills at once */
	int more = MNL_CB_OK;

	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		more = mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), look_at, d);
	}
	return more < 0 ? -errno : 0;
}

static int dump_on(struct mnl_socket *nl, const struct object *o, struct search *s)
{
	static const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	char buf[64] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct dump d = { .search = s, .object = o };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | o->type);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;
	(void)setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return read_dump(nl, &d, nlh->nlmsg_seq);
}

/* A socket for each try: what is left of a dump that changed under way (EINTR) goes with it. */
static int search(const struct object *o, struct search *s)
{
	int err = -EINTR;

	for (int i = 0; i < DUMP_TRIES && err == -EINTR; i++) {
		struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

		if (!nl)
			return -errno;
		s->name[0] = '\0';
		err = dump_on(nl, o, s);
		mnl_socket_close(nl);
	}
	return err == -EINTR ? -EAGAIN : err;
}

/* No netfilter netlink, no nf_tables in it, or none of its objects of that type. */
static bool unsupported(int err)
{
	return err == -EPROTONOSUPPORT || err == -EINVAL || err == -EOPNOTSUPP || err == -ENOENT;
}

int nft_ingress_chain(const char *ifname, char *name, size_t size)
{
	char found[128] = "";
	struct search s = { .ifname = ifname, .name = found, .size = sizeof(found) };

	for (size_t i = 0; i < ARRAY_SIZE(objects) && !found[0]; i++) {
		int err = search(&objects[i], &s);

		if (err < 0 && !unsupported(err))
			return err;
	}
	snprintf(name, size, "%s", found);
	return 0;
}
