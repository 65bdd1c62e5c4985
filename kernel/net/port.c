// SPDX-License-Identifier: GPL-2.0-or-later
#include "port.h"

#include "attr.h"
#include "base/cleanup.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define MBIT 1000000ULL

/*
 * The masks behind the settings have a length that the kernel tells in a first answer, as a negative number
 * (include/uapi/linux/ethtool.h, struct ethtool_link_settings).
 */
union settings {
	struct ethtool_link_settings link;
	char room[sizeof(struct ethtool_link_settings) + 3 * INT8_MAX * sizeof(uint32_t)];
};

static int ask(int fd, struct ifreq *ifr, union settings *s)
{
	ifr->ifr_data = (void *)s;
	return ioctl(fd, SIOCETHTOOL, ifr) < 0 ? -errno : 0;
}

int port_speed(const char *ifname, uint64_t *bits_ps)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union settings s = { .link.cmd = ETHTOOL_GLINKSETTINGS };
	struct ifreq ifr = { 0 };
	int err;

	if (fd < 0)
		return -errno;
	if (strlen(ifname) >= sizeof(ifr.ifr_name))
		return -ENODEV;
	strcpy(ifr.ifr_name, ifname);
	err = ask(fd, &ifr, &s);
	if (err < 0)
		return err;
	if (s.link.link_mode_masks_nwords >= 0)
		return -ENODATA;
	s = (union settings){ .link.cmd = ETHTOOL_GLINKSETTINGS,
			       .link.link_mode_masks_nwords = (int8_t)-s.link.link_mode_masks_nwords };
	err = ask(fd, &ifr, &s);
	if (err < 0)
		return err;
	/* SPEED_UNKNOWN in 16 bits is what some drivers tell; ethtool(8) calls all three unknown. */
	if (s.link.speed == 0 || s.link.speed == UINT16_MAX || s.link.speed == (uint32_t)SPEED_UNKNOWN)
		return -ENODATA;
	*bits_ps = s.link.speed * MBIT;
	return 0;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[IFLA_STATS64 + 1];
	struct rtnl_link_stats64 s = { 0 };
	struct port_counters *out = arg;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifinfomsg))
		return 0;
	attr_table(nlh, sizeof(struct ifinfomsg), tb, IFLA_STATS64);
	if (!tb[IFLA_STATS64])
		return -ENODATA;
	(void)attr_copy(tb[IFLA_STATS64], &s, sizeof(s));
	*out = (struct port_counters){ .rx_bytes = s.rx_bytes,
				       .rx_packets = s.rx_packets,
				       .tx_packets = s.tx_packets,
				       .tx_dropped = s.tx_dropped };
	return 0;
}

int port_read(struct rtnl *r, uint32_t ifindex, struct port_counters *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct port_counters c = { 0 };
	int err = rtnl_get(r, RTM_GETLINK, &ifi, sizeof(ifi), take, &c);

	if (err >= 0)
		*out = c;
	return err;
}
