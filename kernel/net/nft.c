/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft.h"

#include "attr.h"
#include "nlsock.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

/* Headers of before Linux 5.16 lack it. */
#define NETDEV_EGRESS 1
/* Since Linux 6.17: a hook on all devices whose name starts so. Before, 6.16 sent a name without its NUL. */
#define DEVICE_PREFIX 2
#define ATTR_MAX 8 /* of those in the table below */

/* What to dump, and where its messages have table, name, hook and devices. */
static const struct object {
	uint8_t family; /* whose objects to dump; NFPROTO_UNSPEC: all */
	uint16_t type;
	uint16_t table, name, hook;
	uint16_t hook_num, hook_dev, hook_devs; /* hook_dev 0: there is no such attribute */
} objects[] = {
#define CHAINS_OF(f)                            \
	{                                       \
		.family = (f),                  \
		.type = NFT_MSG_GETCHAIN,       \
		.table = NFTA_CHAIN_TABLE,      \
		.name = NFTA_CHAIN_NAME,        \
		.hook = NFTA_CHAIN_HOOK,        \
		.hook_num = NFTA_HOOK_HOOKNUM,  \
		.hook_dev = NFTA_HOOK_DEV,      \
		.hook_devs = NFTA_HOOK_DEVS,    \
	}
	CHAINS_OF(NFPROTO_NETDEV),
	CHAINS_OF(NFPROTO_INET),
	{ /* a flowtable's hook is always at ingress */
		.family = NFPROTO_UNSPEC,
		.type = NFT_MSG_GETFLOWTABLE,
		.table = NFTA_FLOWTABLE_TABLE,
		.name = NFTA_FLOWTABLE_NAME,
		.hook = NFTA_FLOWTABLE_HOOK,
		.hook_num = NFTA_FLOWTABLE_HOOK_NUM,
		.hook_devs = NFTA_FLOWTABLE_HOOK_DEVS,
	},
};

struct hook_dump {
	const struct object *object;
	struct nft_hook *hooks;
	size_t n;
	size_t before; /* hooks of the dumps before this one */
};

static int add(struct hook_dump *d, const struct nft_hook *hook, const struct nlattr *device)
{
	struct nft_hook h = *hook;
	size_t size = device ? attr_size(device) : 0;

	if (array_reserve(&d->hooks, d->n, sizeof(h)) < 0)
		return -ENOMEM;
	attr_str(device, h.ifname, sizeof(h.ifname));
	h.prefix = device && (attr_type(device) == DEVICE_PREFIX || strlen(h.ifname) == size);
	d->hooks[d->n++] = h;
	return 0;
}

/* A chain with one device says it twice, and before Linux 5.5 in hook_dev only. */
static int add_devices(struct hook_dump *d, const struct nlattr **hook, const struct nft_hook *h)
{
	const struct object *o = d->object;
	const struct nlattr *a;
	size_t n = d->n;

	if (hook[o->hook_devs])
		attr_for_each_nested(a, hook[o->hook_devs])
			if (add(d, h, a) < 0)
				return -ENOMEM;
	if (d->n > n)
		return 0;
	return add(d, h, o->hook_dev ? hook[o->hook_dev] : NULL);
}

/* Hook numbers are counted per family: netdev has ingress and egress, inet's ingress follows IP's five. */
static bool hook_kind(const struct object *o, uint32_t num, enum nft_hook_kind *kind)
{
	*kind = NFT_HOOK_INGRESS;
	if (o->type == NFT_MSG_GETFLOWTABLE)
		return true;
	if (o->family == NFPROTO_INET)
		return num == NF_INET_INGRESS;
	if (num == NETDEV_EGRESS)
		*kind = NFT_HOOK_EGRESS;
	return true;
}

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[ATTR_MAX + 1], *hook[ATTR_MAX + 1];
	struct hook_dump *d = arg;
	const struct object *o = d->object;
	struct nft_hook h = { 0 };
	char table[64], name[64];

	if (!nlh) {
		d->n = d->before;
		return 0;
	}
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return 0;
	attr_table(nlh, sizeof(struct nfgenmsg), tb, ATTR_MAX);
	if (!tb[o->hook]) /* a chain that is only jumped to */
		return 0;
	attr_table_nested(tb[o->hook], hook, ATTR_MAX);
	if (!hook_kind(o, ntohl(attr_u32(hook[o->hook_num], 0)), &h.kind))
		return 0;
	attr_str(tb[o->table], table, sizeof(table));
	attr_str(tb[o->name], name, sizeof(name));
	snprintf(h.name, sizeof(h.name), "%s/%s", table, name);
	return add_devices(d, hook, &h);
}

/* The kernel's words for: no nf_tables, or none that has objects of that type. */
static bool unsupported(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP;
}

static int dump_all(struct nlsock *s, struct hook_dump *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		struct nfgenmsg nfg = { .nfgen_family = objects[i].family, .version = NFNETLINK_V0 };
		uint16_t type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | objects[i].type);
		int err;

		d->object = &objects[i];
		d->before = d->n;
		err = nlsock_dump(s, type, &nfg, sizeof(nfg), collect, d);
		if (err < 0 && !unsupported(err))
			return err;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct nft_hook *x = a, *y = b;
	int r = (int)y->prefix - (int)x->prefix;

	if (r == 0)
		r = strcmp(x->ifname, y->ifname);
	return r ? r : strcmp(x->name, y->name);
}

int nft_hooks(struct nft_hook **list, size_t *n)
{
	_cleanup_(nlsock_close) struct nlsock s = { .fd = -1 };
	struct hook_dump d = { 0 };
	int err = nlsock_open(&s, NETLINK_NETFILTER, 0);

	if (err == 0)
		err = dump_all(&s, &d);
	else if (err == -EPROTONOSUPPORT) /* a kernel without netfilter */
		err = 0;
	if (err < 0) {
		free(d.hooks);
		return err;
	}
	if (d.n)
		qsort(d.hooks, d.n, sizeof(*d.hooks), compare);
	*list = d.hooks;
	*n = d.n;
	return 0;
}

/* The first of those without a prefix whose name is not below this one. */
static size_t lower_bound(const struct nft_hook *list, size_t n, const char *ifname)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (list[mid].prefix || strcmp(list[mid].ifname, ifname) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct nft_hook *nft_hook_on(const struct nft_hook *list, size_t n, const char *ifname,
				   enum nft_hook_kind kind)
{
	for (size_t i = 0; i < n && list[i].prefix; i++)
		if (list[i].kind == kind && !strncmp(ifname, list[i].ifname, strlen(list[i].ifname)))
			return &list[i];
	for (size_t i = lower_bound(list, n, ifname); i < n && !strcmp(list[i].ifname, ifname); i++)
		if (list[i].kind == kind && ifname[0])
			return &list[i];
	return NULL;
}

int nft_ingress_chain(const char *ifname, char *name, size_t size)
{
	_cleanup_free_ struct nft_hook *list = NULL;
	const struct nft_hook *found;
	size_t n;
	int err = nft_hooks(&list, &n);

	if (err < 0)
		return err;
	found = nft_hook_on(list, n, ifname, NFT_HOOK_INGRESS);
	snprintf(name, size, "%s", found ? found->name : "");
	return 0;
}

/* --- events ------------------------------------------------------------------------------------ */

#define GROUP(g) (1U << ((g)-1))

int nft_events_open(int *fd)
{
	int r = nlsock_open_fd(NETLINK_NETFILTER, GROUP(NFNLGRP_NFTABLES));

	if (r < 0)
		return r;
	*fd = r;
	return 0;
}

/* A table's flag "dormant" takes all its hooks away, and gives them back. */
static int hear(const struct nlmsghdr *nlh, void *arg)
{
	bool *changed = arg;

	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWFLOWTABLE:
	case NFT_MSG_DELFLOWTABLE:
		*changed = true;
		break;
	}
	return 0;
}

int nft_events_read(int fd, bool *changed)
{
	char buf[NLSOCK_RX_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool heard = false;
	int err = nlsock_events(fd, buf, sizeof(buf), hear, &heard);

	if (err < 0 && err != -ENOBUFS)
		return err;
	*changed = heard || err == -ENOBUFS;
	return 0;
}
