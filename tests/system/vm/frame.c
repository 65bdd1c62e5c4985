// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#define SOURCE_PORT 10000

struct headers {
	struct ether_header eth;
	struct iphdr ip;
	union {
		struct udphdr udp;
		struct tcphdr tcp;
	};
} __attribute__((packed));

#define NETWORK_END (sizeof(struct ether_header) + sizeof(struct iphdr))

int parse_mac(const char *s, uint8_t mac[ETH_ALEN])
{
	unsigned int b[ETH_ALEN];

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != ETH_ALEN)
		return -EINVAL;
	for (int i = 0; i < ETH_ALEN; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

/* RFC 1071, of an even number of bytes; sum: what is added to it. */
static uint16_t checksum(const void *header, size_t n, uint32_t sum)
{
	const uint8_t *p = header;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)sum;
}

static void put_udp(struct frame *f, struct headers *h, const struct frame_spec *s)
{
	h->udp = (struct udphdr){ .source = htons(SOURCE_PORT),
				  .dest = htons((uint16_t)s->port),
				  .len = htons((uint16_t)(s->size - NETWORK_END)) };
	f->tag_at = NETWORK_END + sizeof(h->udp);
}

/* As a guest's kernel leaves it to the device: the checksum is that of the pseudo header, the rest is asked for. */
static void put_tcp(struct frame *f, struct headers *h, const struct frame_spec *s)
{
	h->tcp = (struct tcphdr){ .source = htons(SOURCE_PORT),
				  .dest = htons((uint16_t)s->port),
				  .doff = sizeof(h->tcp) / 4,
				  .ack = 1,
				  .window = htons(UINT16_MAX) };
	h->tcp.check = htons(checksum(&h->ip.saddr, 8, (uint32_t)(IPPROTO_TCP + s->size - NETWORK_END)));
	f->tag_at = NETWORK_END + sizeof(h->tcp);
	f->vnet = (struct virtio_net_hdr_v1){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					      .hdr_len = (uint16_t)f->tag_at,
					      .gso_size = (uint16_t)s->gso,
					      .csum_start = NETWORK_END,
					      .csum_offset = offsetof(struct tcphdr, check) };
}

int frame_make(struct frame *f, const struct frame_spec *s)
{
	struct headers *h = (struct headers *)f->bytes;

	if (s->size < FRAME_MIN || s->size > (s->gso ? FRAME_GSO_MAX : FRAME_MAX) || s->gso > FRAME_MAX)
		return -EINVAL;
	*f = (struct frame){ .vnet.gso_type = VIRTIO_NET_HDR_GSO_NONE, .size = s->size };
	h->eth.ether_type = htons(ETHERTYPE_IP);
	memcpy(h->eth.ether_shost, s->src_mac, ETH_ALEN);
	memcpy(h->eth.ether_dhost, s->dst_mac, ETH_ALEN);
	h->ip = (struct iphdr){ .version = 4,
				.ihl = sizeof(h->ip) / 4,
				.ttl = 64,
				.protocol = s->gso ? IPPROTO_TCP : IPPROTO_UDP,
				.tot_len = htons((uint16_t)(s->size - sizeof(h->eth))) };
	if (inet_pton(AF_INET, s->src_ip, &h->ip.saddr) != 1 || inet_pton(AF_INET, s->dst_ip, &h->ip.daddr) != 1)
		return -EINVAL;
	h->ip.check = htons((uint16_t)~checksum(&h->ip, sizeof(h->ip), 0));
	if (s->gso)
		put_tcp(f, h, s);
	else
		put_udp(f, h, s);
	return 0;
}

void frame_set_tag(uint8_t *bytes, size_t tag_at, const struct tag *t)
{
	struct headers *h = (struct headers *)bytes;

	h->udp.source = htons((uint16_t)(SOURCE_PORT + t->queue)); /* TCP's is at the same place */
	memcpy(bytes + tag_at, t, sizeof(*t));
}
