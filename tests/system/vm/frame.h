/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The frame that a stand-in for a VM floods with: UDP, or TCP that the host shall segment; each with a tag. */

#include "tag.h"

#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MIN 64    /* bytes: headers and tag fit into it */
#define FRAME_MAX 1514
#define FRAME_GSO_MAX 65535

struct frame_spec {
	size_t size; /* bytes, Ethernet header included */
	uint8_t src_mac[ETH_ALEN], dst_mac[ETH_ALEN];
	char src_ip[16], dst_ip[16];
	unsigned int port;
	unsigned int gso; /* payload of a segment, bytes; 0: UDP */
};

struct frame {
	struct virtio_net_hdr_v1 vnet; /* a tap without virtio 1 takes the first ten bytes of it */
	uint8_t bytes[FRAME_GSO_MAX];
	size_t size;
	size_t tag_at; /* in bytes */
};

/* 0; -EINVAL: a size or an address that cannot be. */
int frame_make(struct frame *f, const struct frame_spec *s);
/* The UDP or TCP source port is 10000 and the queue, so that a receiver tells queues apart. */
void frame_set_tag(uint8_t *bytes, size_t tag_at, const struct tag *t);
/* "52:54:00:00:00:01". 0 or -EINVAL. */
int parse_mac(const char *s, uint8_t mac[ETH_ALEN]);
