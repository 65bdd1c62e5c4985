/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Traffic through taps, for tests against the kernel: senders that flood a tap as a VMM would, and a sink on
 * a far link that counts what arrives. A sender is known by the last byte of its MAC address.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define SENDERS 2
#define GSO_HEADERS (ETH_HLEN + 20 + 20)
#define GSO_SIZE 1448

static const unsigned char sink_mac[ETH_ALEN] = { 2, 0, 0, 0, 0, 99 };

struct flooder {
	int fd;
	unsigned char frame[65536];
	size_t size;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	uint64_t refused; /* writes that the tap answered with EAGAIN */
	int error;
};

static inline size_t ethernet_frame(unsigned char *buf, int i, size_t size)
{
	struct ether_header eth = { .ether_type = htons(0x88b6) };

	memset(buf, 0, size);
	memcpy(eth.ether_dhost, sink_mac, ETH_ALEN);
	eth.ether_shost[0] = 2;
	eth.ether_shost[5] = (uint8_t)(1 + i);
	memcpy(buf, &eth, sizeof(eth));
	return size;
}

/* A virtio header and a TCP packet to be cut into segments. */
static inline size_t gso_frame(unsigned char *buf, int i, size_t payload)
{
	struct virtio_net_hdr vh = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = GSO_HEADERS,
		.gso_size = GSO_SIZE,
		.csum_start = ETH_HLEN + 20,
		.csum_offset = offsetof(struct tcphdr, check),
	};
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
	struct tcphdr tcp = { .doff = 5, .ack = 1 };
	unsigned char *frame = buf + sizeof(vh);

	memcpy(buf, &vh, sizeof(vh));
	ethernet_frame(frame, i, GSO_HEADERS + payload);
	frame[12] = ETH_P_IP >> 8;
	frame[13] = ETH_P_IP & 0xff;
	ip.tot_len = htons((uint16_t)(40 + payload));
	ip.saddr = htonl(0x0a000001U + (uint32_t)i);
	ip.daddr = htonl(0x0a000063);
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memcpy(frame + ETH_HLEN + 20, &tcp, sizeof(tcp));
	return sizeof(vh) + GSO_HEADERS + payload;
}

/* Write as fast as the tap takes it; where it says "try again", wait until it is writable, as QEMU does. */
static inline void *flood(void *arg)
{
	struct flooder *f = arg;
	struct pollfd pfd = { .fd = f->fd, .events = POLLOUT };

	while (!atomic_load(&f->stop)) {
		if (write(f->fd, f->frame, f->size) >= 0)
			continue;
		if (errno != EAGAIN) {
			f->error = errno;
			break;
		}
		f->refused++;
		(void)poll(&pfd, 1, 100);
	}
	return NULL;
}

/*
 * Sender i floods a tap with frames of this size; with virtio headers, size is the payload that is to be cut.
 */
static inline void flood_start(struct flooder *f, int i, int fd, size_t size, bool vnet_hdr)
{
	memset(f, 0, sizeof(*f));
	f->fd = fd;
	f->size = vnet_hdr ? gso_frame(f->frame, i, size) : ethernet_frame(f->frame, i, size);
	assert_int_equal(pthread_create(&f->thread, NULL, flood, f), 0);
	f->running = true;
}

static inline void flood_stop(struct flooder *f)
{
	atomic_store(&f->stop, true);
	pthread_join(f->thread, NULL);
	f->running = false;
	assert_int_equal(f->error, 0);
}

/* The descriptor is the caller's. */
static inline int sink_open(uint32_t ifindex)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)ifindex,
	};
	struct packet_mreq promisc = { .mr_ifindex = ll.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	struct ether_header hello = {
		.ether_dhost = "\xff\xff\xff\xff\xff\xff",
		.ether_type = htons(0x88b5), /* local experiments */
	};
	unsigned char frame[60] = { 0 };
	int rcvbuf = 16 << 20, sink = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(sink >= 0);
	setsockopt(sink, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf));
	assert_int_equal(bind(sink, (struct sockaddr *)&ll, sizeof(ll)), 0);
	assert_int_equal(setsockopt(sink, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)), 0);
	/* the bridge learns where the sink is, and does not flood the other tap */
	memcpy(hello.ether_shost, sink_mac, ETH_ALEN);
	memcpy(frame, &hello, sizeof(hello));
	assert_int_equal(send(sink, frame, sizeof(frame), 0), sizeof(frame));
	return sink;
}

/* A packet that the veth pair carries in one piece counts as the segments that a real uplink would send. */
static inline uint64_t wire_bytes(size_t len)
{
	size_t segments = len > 1514 ? (len - GSO_HEADERS + GSO_SIZE - 1) / GSO_SIZE : 1;

	return len + (segments - 1) * GSO_HEADERS;
}

/* Frame bytes that arrive at the far end until the deadline, by sender. */
static inline void sink_receive(int sink, uint64_t deadline, uint64_t bytes[SENDERS])
{
	struct pollfd pfd = { .fd = sink, .events = POLLIN };
	unsigned char head[ETH_HLEN];

	memset(bytes, 0, sizeof(bytes[0]) * SENDERS);
	for (;;) {
		uint64_t now = now_ns();
		ssize_t n;

		if (now >= deadline)
			return;
		n = recv(sink, head, sizeof(head), MSG_TRUNC);
		if (n < 0 && errno == EAGAIN)
			(void)poll(&pfd, 1, (int)((deadline - now) / 1000000) + 1);
		else if (n > 0 && head[6] == 2 && head[11] >= 1 && head[11] <= SENDERS)
			bytes[head[11] - 1] += wire_bytes((size_t)n);
	}
}

static inline uint64_t sink_lost(int sink)
{
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof(st);

	assert_int_equal(getsockopt(sink, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	return st.tp_drops;
}
