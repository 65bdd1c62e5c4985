/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "linkstats.h"

#include "attr.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

struct stats_dump {
	struct link_stats *list;
	size_t n;
};

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[IFLA_STATS_LINK_64 + 1];
	struct stats_dump *d = arg;
	struct rtnl_link_stats64 s = { 0 };
	struct if_stats_msg ism;
	int err;

	if (!nlh) {
		d->n = 0;
		freep(&d->list);
		d->list = NULL;
		return 0;
	}
	if (nlh->nlmsg_type != RTM_NEWSTATS || mnl_nlmsg_get_payload_len(nlh) < sizeof(ism))
		return 0;
	memcpy(&ism, mnl_nlmsg_get_payload(nlh), sizeof(ism));
	attr_table(nlh, sizeof(ism), tb, IFLA_STATS_LINK_64);
	if (!tb[IFLA_STATS_LINK_64])
		return 0;
	err = array_reserve(&d->list, d->n, sizeof(*d->list));
	if (err < 0)
		return err;
	(void)attr_copy(tb[IFLA_STATS_LINK_64], &s, sizeof(s));
	d->list[d->n++] = (struct link_stats){ .ifindex = ism.ifindex,
					       .rx_bytes = s.rx_bytes,
					       .rx_packets = s.rx_packets,
					       .tx_bytes = s.tx_bytes,
					       .tx_packets = s.tx_packets };
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	uint32_t x = ((const struct link_stats *)a)->ifindex, y = ((const struct link_stats *)b)->ifindex;

	return (x > y) - (x < y);
}

/* Newer kernels dump in the order of ifindexes. */
static bool is_sorted(const struct link_stats *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (list[i - 1].ifindex > list[i].ifindex)
			return false;
	return true;
}

int link_stats_list(struct rtnl *r, struct link_stats **list, size_t *n)
{
	struct if_stats_msg ism = { .family = AF_UNSPEC,
				    .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) };
	struct stats_dump d = { 0 };
	int err = rtnl_dump(r, RTM_GETSTATS, &ism, sizeof(ism), collect, &d);

	if (err < 0) {
		free(d.list);
		return err;
	}
	if (!is_sorted(d.list, d.n))
		qsort(d.list, d.n, sizeof(*d.list), by_ifindex);
	*list = d.list;
	*n = d.n;
	return 0;
}
