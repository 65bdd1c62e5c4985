/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * For tests against the kernel: a network namespace that dies with the program, and links in it. Made with
 * rtnetlink alone: /sys still shows the old namespace.
 */

#include "base/cleanup.h"
#include "kernel/bpf/classifier.h"
#include "kernel/net/link.h"
#include "kernel/net/rtnl.h"
#include "tests/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * TAP for "none of this program's tests can run here". (cmocka's skip() prints "not ok", which TAP
 * counts as failed.)
 */
static inline void skip_all(const char *what, int error)
{
	printf("1..0 # SKIP %s: %s\n", what, strerror(error));
	exit(EXIT_SUCCESS);
}

/* A link that comes up would announce its addresses, and tests count packets. A kernel without IPv6 has no such file. */
static inline void no_ipv6(void)
{
	_cleanup_close_ int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		skip_all("disable_ipv6", errno);
}

/* Call first in main(): what follows happens in a namespace of its own, or is skipped. */
static inline void netns_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		skip_all("unshare(CLONE_NEWNET), run as root", errno);
	no_ipv6();
}

/* Then, where the program needs BPF. */
static inline void need_bpf(void)
{
	struct classifier *c = NULL;
	char why[128] = "";
	int err = classifier_open(&c, why, sizeof(why));

	if (err < 0)
		skip_all(why, -err);
	classifier_close(c);
}

/* Commit a batch of which nothing may fail. */
static inline void commit_ok(struct rtnl *r)
{
	struct rtnl_failure f = { 0 };
	int n = rtnl_commit(r, &f, 1);

	if (n > 0)
		fail_msg("request %llu: %s (%s), %d in all", (unsigned long long)f.tag, strerror(-f.error),
			 f.text, n);
	assert_int_equal(n, 0);
}

/* Commit one that has to fail with this error. */
static inline void commit_fails(struct rtnl *r, int error)
{
	struct rtnl_failure f = { 0 };

	assert_int_equal(rtnl_commit(r, &f, 1), 1);
	assert_int_equal(f.error, error);
}

static inline uint32_t ifindex_of(struct rtnl *r, const char *name)
{
	struct link l;

	assert_int_equal(link_get(r, name, &l), 0);
	return l.ifindex;
}

/* Append: up or down, and into a bridge if master is not 0. */
static inline void link_set(struct rtnl *r, uint32_t ifindex, uint32_t master, bool up)
{
	struct ifinfomsg ifi = {
		.ifi_index = (int)ifindex,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};
	struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWLINK, 0, &ifi, sizeof(ifi), 0);

	assert_non_null(nlh);
	if (master)
		mnl_attr_put_u32(nlh, IFLA_MASTER, master);
}

static inline struct nlattr *link_new(struct rtnl *r, const char *name, const char *kind,
				      struct nlmsghdr **nlh)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlattr *info;

	*nlh = rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), 0);
	assert_non_null(*nlh);
	mnl_attr_put_strz(*nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(*nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(*nlh, IFLA_INFO_KIND, kind);
	return info;
}

static inline uint32_t add_bridge(struct rtnl *r, const char *name)
{
	struct nlmsghdr *nlh;
	struct nlattr *info = link_new(r, name, "bridge", &nlh);

	mnl_attr_nest_end(nlh, info);
	commit_ok(r);
	return ifindex_of(r, name);
}

/* Append: a veth pair, both ends up. (The peer cannot be up before the pair is complete.) */
static inline void append_veth(struct rtnl *r, const char *name, const char *peer)
{
	struct ifinfomsg down = { 0 }, up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlmsghdr *nlh;
	struct nlattr *info = link_new(r, name, "veth", &nlh);
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	struct nlattr *end = mnl_attr_nest_start(nlh, VETH_INFO_PEER);

	memcpy(mnl_nlmsg_get_payload_tail(nlh), &down, sizeof(down));
	nlh->nlmsg_len += (uint32_t)sizeof(down);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_nest_end(nlh, end);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	nlh = rtnl_add(r, RTM_SETLINK, 0, &up, sizeof(up), 0);
	assert_non_null(nlh);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
}

static inline void add_veth(struct rtnl *r, const char *name, const char *peer)
{
	append_veth(r, name, peer);
	commit_ok(r);
}

/* A tap without carrier header, non-blocking; the descriptor is the caller's. */
static inline int open_tap(const char *name, short flags)
{
	struct ifreq req = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &req) == 0)
		return fd;
	close(fd);
	return -errno;
}
