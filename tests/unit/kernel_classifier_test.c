/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF program is run by the kernel on packets that the test makes (BPF_PROG_TEST_RUN). */
#include "classifier_rig.h"
#include "flood.h"

#include "kernel/net/filter.h"
#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

static void unknown_device(void **state)
{
	unsigned char packet[100] = { 0 };
	struct divvy_counters n = { .bytes = 7 };
	uint32_t priority = DIVVY_HTB_MAJOR << 16;

	(void)state;
	assert_int_equal(run(packet, sizeof(packet), 0, 0, &priority), 0);
	assert_int_equal(priority, DIVVY_HTB_MAJOR << 16);
	assert_int_equal(classifier_read(c, LO, &n), -ENOENT);
	assert_int_equal(n.bytes, 7);
	assert_int_equal(classifier_clear(c, LO), -ENOENT);
}

static void set_change_clear(void **state)
{
	unsigned char packet[1514] = { 0 };
	struct divvy_counters n;
	uint64_t before = clock_ns(CLOCK_MONOTONIC_COARSE);

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets + n.bytes + n.last_ns + n.largest, 0);
	assert_int_equal(run(packet, 60, 0, 0, NULL), MATCH);
	assert_int_equal(run(packet, 1514, 0, 0, NULL), MATCH);
	/* another class: counters go on */
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 6 }), 0);
	assert_int_equal(run(packet, 100, 0, 0, NULL), MATCH);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, 3);
	assert_int_equal(n.bytes, 60 + 1514 + 100);
	assert_int_equal(n.largest, 1514);
	assert_in_range(n.last_ns, before, now_ns());

	assert_int_equal(classifier_clear(c, LO), 0);
	assert_int_equal(run(packet, 60, 0, 0, NULL), 0);
	assert_int_equal(classifier_read(c, LO, &n), -ENOENT);
	/* set again: from zero */
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 6 }), 0);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, 0);
}

/* --- GSO packets: the count is what their segments have on the wire ----------------------------------- */

struct shape {
	const char *name;
	uint16_t protocol; /* EtherType */
	uint32_t network;  /* bytes of the network header */
	uint8_t transport; /* IP protocol */
	uint32_t header;   /* bytes of the transport header */
};

static const struct shape shapes[] = {
	{ "IPv4 TCP", ETH_P_IP, 20, IPPROTO_TCP, 20 },
	{ "IPv4 TCP, time stamps", ETH_P_IP, 20, IPPROTO_TCP, 32 },
	{ "IPv4 with options, TCP", ETH_P_IP, 60, IPPROTO_TCP, 60 },
	{ "IPv6 TCP", ETH_P_IPV6, 40, IPPROTO_TCP, 32 },
	{ "IPv4 UDP", ETH_P_IP, 20, IPPROTO_UDP, 8 },
	{ "IPv6 UDP", ETH_P_IPV6, 40, IPPROTO_UDP, 8 },
};

static uint32_t build(const struct shape *s, unsigned char *packet)
{
	struct ethhdr *eth = (void *)packet;
	unsigned char *network = packet + ETH_HLEN, *transport = network + s->network;

	memset(packet, 0, 256);
	eth->h_proto = htons(s->protocol);
	if (s->protocol == ETH_P_IP) {
		network[0] = (unsigned char)(0x40 | s->network / 4);
		network[9] = s->transport;
	} else {
		network[0] = 0x60;
		network[6] = s->transport;
	}
	if (s->transport == IPPROTO_TCP)
		transport[12] = (unsigned char)(s->header / 4 << 4);
	return ETH_HLEN + s->network + s->header;
}

/* Cut into segments one by one. */
static struct divvy_counters brute_force(uint32_t headers, uint32_t payload, uint32_t gso_size)
{
	struct divvy_counters n = { 0 };

	while (payload) {
		uint32_t part = payload < gso_size ? payload : gso_size;

		n.packets++;
		n.bytes += headers + part;
		payload -= part;
	}
	return n;
}

static void check_gso(const struct shape *s, uint32_t payload, uint32_t gso_size, bool segs_known)
{
	static unsigned char packet[4096];
	uint32_t headers = build(s, packet), segs;
	struct divvy_counters want = brute_force(headers, payload, gso_size), got;

	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 1 }), 0);
	segs = segs_known ? (uint32_t)want.packets : 0;
	assert_int_equal(run(packet, headers + payload, gso_size, segs, NULL), MATCH);
	assert_int_equal(classifier_read(c, LO, &got), 0);
	if (got.bytes != want.bytes || got.packets != want.packets)
		fail_msg("%s, payload %u, gso_size %u: %llu bytes in %llu, want %llu in %llu", s->name,
			 payload, gso_size, (unsigned long long)got.bytes, (unsigned long long)got.packets,
			 (unsigned long long)want.bytes, (unsigned long long)want.packets);
	assert_int_equal(got.largest, want.bytes);
	assert_int_equal(classifier_clear(c, LO), 0);
}

static void gso(void **state)
{
	static const uint32_t payload[] = { 1, 99, 100, 101, 200, 1448, 2896, 3000 };
	static const uint32_t gso_size[] = { 1, 100, 1448 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(payload); j++)
			for (size_t k = 0; k < ARRAY_SIZE(gso_size); k++) {
				check_gso(&shapes[i], payload[j], gso_size[k], false);
				check_gso(&shapes[i], payload[j], gso_size[k], true);
			}
}

/* Headers that cannot be read count as Ethernet, IPv4, TCP with time stamps: 66 bytes. */
static void gso_unreadable(void **state)
{
	static const struct shape odd[] = {
		{ "MPLS", ETH_P_MPLS_UC, 20, IPPROTO_TCP, 32 },
		{ "IPv4 SCTP", ETH_P_IP, 20, IPPROTO_SCTP, 32 },
		{ "IPv6 with routing header", ETH_P_IPV6, 20, IPPROTO_ROUTING, 32 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		check_gso(&odd[i], 2000, 500, false);
}

/* Priorities are the packets' own, but for those that HTB would take for a class of divvy's. */
static void priorities(void **state)
{
	static const uint32_t own[] = { 0, 1, 7, 0x10003, 0x10000, 0xd1760002, 0xd1780000, UINT32_MAX };
	unsigned char packet[60] = { 0 };

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		uint32_t priority = own[i];

		assert_int_equal(run(packet, 60, 0, 0, &priority), MATCH);
		assert_int_equal(priority, own[i]);
	}
	for (uint32_t minor = 0; minor <= UINT16_MAX; minor += 0x1fff) {
		uint32_t priority = DIVVY_HTB_MAJOR << 16 | minor;

		assert_int_equal(run(packet, 60, 0, 0, &priority), MATCH);
		assert_int_equal(priority, 0);
	}
}

/* --- at the IFB ----------------------------------------------------------------------------------------- */

/*
 * A packet of a vNIC that divvy does not know (its filter leads to the IFB for a moment more) gets the default leaf. A class
 * of 0 would be HTB's direct queue, which has no rate and goes before all classes.
 */
static void no_class(void **state)
{
	struct htb_class root = { .minor = 1, .rate = { 1000000 }, .ceil = { 1000000 }, .burst = 60000, .cburst = 60000 };
	struct htb_class leaf = { .minor = DIVVY_MINOR_DEFAULT, .parent = 1, .rate = { 1000000 }, .ceil = { 1000000 },
				  .burst = 60000, .cburst = 60000, .quantum = 2000, .leaf = true };
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + 2 * NSEC_PER_SEC;
	struct htb_stats stats = { 0 };
	struct rtnl *r = NULL;
	uint32_t ifb;
	int link;

	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(link_add_ifb(r, "clifb", "test", 1000, 0), 0);
	commit_ok(r);
	ifb = ifindex_of(r, "clifb");
	qdisc_add_htb(r, ifb, HTB_MAJOR, DIVVY_MINOR_DEFAULT, 10, 0);
	htb_class_add(r, ifb, &root, 0);
	htb_class_add(r, ifb, &leaf, 0);
	filter_set_root(r, ifb, (uint32_t)HTB_MAJOR << 16, classifier_fd(c, CLASSIFIER_TX_ROOT), 0);
	commit_ok(r);
	link = sink_open(ifb); /* it sends one frame */
	while (stats.packets == 0 && clock_ns(CLOCK_MONOTONIC) < deadline)
		assert_int_equal(htb_get_stats(r, ifb, DIVVY_MINOR_DEFAULT, &stats), 0);
	assert_int_equal(stats.packets, 1);
	close(link);
	link_del(r, ifb, 0);
	commit_ok(r);
	rtnl_close(r);
}

/* --- waking ----------------------------------------------------------------------------------------------- */

static void note_key(uint32_t key, void *arg)
{
	uint32_t *seen = arg;

	seen[0]++;
	seen[1] = key;
}

/* Told once, when so much has come; and again when it is asked for again. The rest of the record stays. */
static void wakes(void **state)
{
	unsigned char packet[1514] = { 0 };
	uint32_t seen[2] = { 0 }, key = LO;
	struct divvy_device d;

	(void)state;
	assert_int_equal(classifier_await(c, LO), -ENOENT);
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5, .unmarked = 1 }), 0);
	for (int i = 0; i < 9; i++)
		(void)run(packet, 1514, 0, 0, NULL);
	assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
	assert_int_equal(seen[0], 0);
	for (uint32_t round = 1; round <= 2; round++) {
		assert_int_equal(classifier_await(c, LO), 0);
		for (uint32_t bytes = 0; bytes + 100 < DIVVY_IDLE_BYTES; bytes += 100)
			(void)run(packet, 100, 0, 0, NULL);
		assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
		assert_int_equal(seen[0], round - 1);
		for (int i = 0; i < 9; i++)
			(void)run(packet, 1514, 0, 0, NULL);
		assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
		assert_int_equal(seen[0], round);
		assert_int_equal(seen[1], LO);
	}
	assert_int_equal(bpf_map_lookup_elem(classifier_devices_fd(c), &key, &d), 0);
	assert_true(d.ifb == IFB && d.minor == 5 && d.unmarked == 1 && d.idle == 0);
}

static void two_daemons(void **state)
{
	struct classifier *second = NULL;
	struct divvy_counters n;

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(classifier_open(&second, NULL, 0), 0);
	assert_int_equal(classifier_read(second, LO, &n), -ENOENT);
	assert_null(classifier_close(second));
	assert_null(classifier_close(NULL));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(unknown_device), TEST(set_change_clear), TEST(priorities), TEST(gso), TEST(gso_unreadable),
		TEST(no_class), TEST(wakes), TEST(two_daemons),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_bpf();
	return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
