/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What interfaces tell of their speed and counters. */
#include "netns.h"

#include "kernel/net/port.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAMES 7
#define FRAME_BYTES 100

static struct rtnl *r;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	add_veth(r, "port0", "port1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	r = rtnl_close(r);
	return 0;
}

static void speed(void **state)
{
	uint64_t bits = 7;

	(void)state;
	assert_int_equal(port_speed("port0", &bits), 0);
	assert_int_equal(bits, 10000000000ULL); /* drivers/net/veth.c, veth_get_link_ksettings() */
	bits = 7;
	assert_int_equal(port_speed("lo", &bits), -EOPNOTSUPP);
	assert_int_equal(port_speed("absent0", &bits), -ENODEV);
	assert_int_equal(port_speed("a-name-that-is-too-long", &bits), -ENODEV);
	assert_int_equal(bits, 7);
}

/* A tap tells what its owner says. */
static void set_speed(const char *ifname, uint32_t mbit)
{
	union {
		struct ethtool_link_settings link;
		char room[sizeof(struct ethtool_link_settings) + 3 * INT8_MAX * sizeof(uint32_t)];
	} s = { .link.cmd = ETHTOOL_GLINKSETTINGS };
	struct ifreq ifr = { .ifr_data = (void *)&s };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ifr.ifr_name, ifname);
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	s.link.link_mode_masks_nwords = (int8_t)-s.link.link_mode_masks_nwords;
	s.link.cmd = ETHTOOL_SLINKSETTINGS;
	s.link.speed = mbit;
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
}

static void no_speed(void **state)
{
	_cleanup_close_ int tap = open_tap("speed0", 0);
	static const uint32_t unknown[] = { 0, UINT16_MAX, UINT32_MAX };
	uint64_t bits = 7;

	(void)state, (void)tap;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		set_speed("speed0", unknown[i]);
		assert_int_equal(port_speed("speed0", &bits), -ENODATA);
	}
	assert_int_equal(bits, 7);
	set_speed("speed0", 65536);
	assert_int_equal(port_speed("speed0", &bits), 0);
	assert_int_equal(bits, 65536000000ULL);
}

static void send_frames(const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex_of(r, ifname) };
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	char frame[FRAME_BYTES] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0x42 };

	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)), sizeof(frame));
}

static void counters(void **state)
{
	struct port_counters before, after, unknown = { .rx_bytes = 7 };

	(void)state;
	assert_int_equal(port_read(r, ifindex_of(r, "port1"), &before), 0);
	send_frames("port0");
	assert_int_equal(port_read(r, ifindex_of(r, "port1"), &after), 0);
	assert_in_range(after.rx_packets - before.rx_packets, FRAMES,
			FRAMES + 10); /* the kernel's own, too */
	assert_true(after.rx_bytes - before.rx_bytes >= FRAMES * FRAME_BYTES);
	assert_int_equal(port_read(r, ifindex_of(r, "port0"), &after), 0);
	assert_true(after.tx_packets >= FRAMES);
	assert_int_equal(port_read(r, 12345, &unknown), -ENODEV);
	assert_int_equal(unknown.rx_bytes, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(speed),
		cmocka_unit_test(no_speed),
		cmocka_unit_test(counters),
	};

	netns_enter();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
