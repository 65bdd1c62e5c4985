/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The wire's meter on a veth pair in a network namespace of its own: what it says against what was sent. */

#include "lab/probes/intake.h"
#include "lab/probes/meter.h"
#include "lab/proc/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE "02:00:00:00:00:01"
#define TWO "02:00:00:00:00:02"
#define DEADLINE_NS (5 * NSEC_PER_SEC)

static int sock = -1;

static int setup(void **state)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return 0; /* the tests skip */
	if (system("mkdir -p /run/netns; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add va type veth peer name vb && "
		   "ip link set va up && ip link set vb up") != 0)
		return -1;
	sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex("va");
	return setsockopt(sock, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	       bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0;
}

static void need_root(void)
{
	if (sock < 0) {
		print_message("# skipped: needs root and network namespaces\n");
		skip();
	}
}

/* A frame to 02:00:00:00:00:last. */
static void send_frame(uint8_t last, size_t size)
{
	char buf[2000] = {};
	struct virtio_net_hdr h = {};
	/* IEEE 802: local experimental */
	const uint8_t eth[14] = { 2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 };

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), eth, sizeof(eth));
	assert_int_equal(send(sock, buf, sizeof(h) + size, 0), sizeof(h) + size);
}

/* One TCP packet of payload bytes, to be cut into segments of mss. Returns its length as a frame. */
static size_t send_gso(uint8_t last, size_t payload, uint16_t mss)
{
	static char buf[65536];
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54,
		.gso_size = mss,
		.csum_start = 34,
		.csum_offset = 16,
	};
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			    .saddr = htonl(0x0a000001), .daddr = htonl(0x0a000002) };
	struct tcphdr tcp = { .doff = 5, .ack = 1 };
	const uint8_t eth[14] = { 2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, 9, 0x08, 0x00 };
	size_t size = 54 + payload;

	ip.tot_len = htons((uint16_t)(size - 14));
	memset(buf, 0, sizeof(buf));
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), eth, 14);
	memcpy(buf + sizeof(h) + 14, &ip, 20);
	memcpy(buf + sizeof(h) + 34, &tcp, 20);
	assert_int_equal(send(sock, buf, sizeof(h) + size, 0), sizeof(h) + size);
	return size;
}

/* Wait until n have arrived; returns what meter_poll() said last. */
static int poll_for(struct meter *m, size_t n, uint64_t *lost)
{
	uint64_t deadline = clock_now_ns() + DEADLINE_NS;
	int r;

	do {
		r = meter_poll(m, lost);
		if (meter_trace(m).n >= n)
			return r;
		usleep(1000);
	} while (clock_now_ns() < deadline);
	fail_msg("%zu of %zu arrived", meter_trace(m).n, n);
	return r;
}

static void test_frames(void **state)
{
	(void)state;
	const size_t sizes[] = { 60, 1514, 61, 1000, 64 };
	uint64_t before = clock_now_ns(), sum = 0, lost = 7;
	struct meter *m = NULL;

	need_root();
	assert_int_equal(meter_open(NULL, "vb", ONE, 1000, &m), 0);
	for (size_t i = 0; i < 200; i++) {
		send_frame(1, sizes[i % 5]);
		sum += sizes[i % 5];
	}
	assert_int_equal(poll_for(m, 200, &lost), 0);
	assert_int_equal(lost, 0);

	struct trace t = meter_trace(m);
	assert_int_equal(t.n, 200);
	for (size_t i = 0; i < t.n; i++) {
		assert_int_equal(t.s[i].bytes, sizes[i % 5]);
		assert_true(t.s[i].ns >= (i ? t.s[i - 1].ns : before) && t.s[i].ns <= clock_now_ns());
	}
	assert_int_equal(measure_bytes(t), sum);
	meter_close(m);
}

/* Two VMs' instances on one interface: each has its own frames, and only those. */
static void test_told_apart(void **state)
{
	(void)state;
	struct meter *one = NULL, *two = NULL, *all = NULL;

	need_root();
	assert_int_equal(meter_open(NULL, "vb", ONE, 100, &one), 0);
	assert_int_equal(meter_open(NULL, "vb", TWO, 100, &two), 0);
	assert_int_equal(meter_open(NULL, "vb", NULL, 100, &all), 0);
	for (uint8_t i = 0; i < 30; i++)
		send_frame(i % 3 + 1, 100u + i % 3);
	poll_for(all, 30, NULL);
	poll_for(one, 10, NULL);
	poll_for(two, 10, NULL);
	assert_int_equal(meter_trace(one).n, 10);
	assert_int_equal(measure_bytes(meter_trace(one)), 1000);
	assert_int_equal(meter_trace(two).n, 10);
	assert_int_equal(measure_bytes(meter_trace(two)), 1010);
	/* One less does not stop the others. */
	meter_close(one);
	send_frame(2, 100);
	poll_for(two, 11, NULL);
	meter_close(two);
	meter_close(all);
}

/* The headers of each segment go over the wire, too. */
static void test_gso(void **state)
{
	(void)state;
	struct meter *m = NULL;
	size_t size;

	need_root();
	assert_int_equal(meter_open(NULL, "vb", ONE, 100, &m), 0);
	size = send_gso(1, 4500, 1000);
	poll_for(m, 1, NULL);
	assert_int_equal(meter_trace(m).s[0].bytes, size + 4 * 54);
	size = send_gso(1, 60000, 1448);
	poll_for(m, 2, NULL);
	assert_int_equal(meter_trace(m).s[1].bytes, size + 41 * 54);
	meter_close(m);
}

static void test_full(void **state)
{
	(void)state;
	struct meter *m = NULL;
	uint64_t lost = 0, deadline = clock_now_ns() + DEADLINE_NS;

	need_root();
	assert_int_equal(meter_open(NULL, "vb", ONE, 10, &m), 0);
	for (int i = 0; i < 15; i++)
		send_frame(1, 100);
	while (meter_poll(m, &lost) == 0 || lost < 5) {
		if (clock_now_ns() > deadline)
			fail_msg("lost: %lu", lost);
		usleep(1000);
	}
	assert_int_equal(meter_poll(m, &lost), -ENOBUFS);
	assert_int_equal(lost, 5);
	assert_int_equal(meter_trace(m).n, 10);
	meter_close(m);
}

static void test_refused(void **state)
{
	(void)state;
	struct meter *m = NULL;

	need_root();
	assert_int_equal(meter_open(NULL, "nothing", ONE, 10, &m), -ENODEV);
	assert_int_equal(meter_open(NULL, "vb", "no address", 10, &m), -EINVAL);
	assert_int_equal(meter_open(NULL, "vb", ONE, 0, &m), -EINVAL);
	assert_int_not_equal(meter_open("no-such-namespace", "vb", ONE, 10, &m), 0);
	assert_null(m);
}

/* A device's own counter, look by look; what came before a phase begins belongs to no look. */
static void test_intake(void **state)
{
	(void)state;
	/* This thread's namespace has no name: by its path from where names are. */
	struct topo t = { .host = "../../proc/self/ns/net", .vm[0].tap = "va", .vm[1].tap = "vb" };
	struct intake in = {};
	struct errtext e = {};
	uint64_t from = clock_now_ns();

	need_root();
	send_frame(1, 100);
	assert_int_equal(intake_begin(&in, &t, 2, &e), 0);
	for (size_t k = 0; k < 3; k++) {
		send_frame(1, 1000);
		assert_int_equal(intake_look(&in, &t, 2, &e), 0);
	}
	send_frame(1, 100);
	assert_int_equal(intake_begin(&in, &t, 2, &e), 0);
	assert_int_equal(intake_look(&in, &t, 2, &e), 0);
	assert_int_equal(intake_trace(&in, 0).n, 4);
	assert_int_equal(intake_trace(&in, 0).s[1].bytes, 1000);
	assert_int_equal(measure_bytes(measure_slice(intake_trace(&in, 0), (struct window){ from, clock_now_ns() })), 3000);
	assert_int_equal(measure_bytes(intake_trace(&in, 1)), 0); /* sent to it, not by it */
	intake_free(&in);
	assert_int_equal(intake_trace(&in, 0).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),  cmocka_unit_test(test_told_apart),
		cmocka_unit_test(test_gso),     cmocka_unit_test(test_full),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_intake),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, NULL);
}
