/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "rtp.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/*
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |   RFC 3550 5.1
 */
int rtp_parse(const void *datagram, size_t n, struct rtp_header *h, size_t *payload, size_t *payload_size)
{
	const uint8_t *p = datagram;
	size_t at, padding;

	if (n < RTP_HEADER || p[0] >> 6 != 2)
		return -EBADMSG;
	at = RTP_HEADER + 4 * (size_t)(p[0] & 0x0f);
	if (p[0] & 0x10) {
		if (n < at + 4)
			return -EBADMSG;
		/* 5.3.1: the length counts words behind these four bytes */
		at += 4 + 4 * (size_t)be16(p + at + 2);
	}
	if (n < at)
		return -EBADMSG;
	padding = p[0] & 0x20 ? p[n - 1] : 0;
	if ((p[0] & 0x20 && padding == 0) || padding > n - at)
		return -EBADMSG;
	*h = (struct rtp_header){
		.type = p[1] & 0x7f,
		.marker = p[1] & 0x80,
		.seq = be16(p + 2),
		.timestamp = be32(p + 4),
		.ssrc = be32(p + 8),
	};
	*payload = at;
	*payload_size = n - at - padding;
	return 0;
}

void rtp_write(const struct rtp_header *h, uint8_t out[RTP_HEADER])
{
	out[0] = 2 << 6;
	out[1] = (uint8_t)((h->marker ? 0x80 : 0) | (h->type & 0x7f));
	out[2] = (uint8_t)(h->seq >> 8);
	out[3] = (uint8_t)h->seq;
	put32(out + 4, h->timestamp);
	put32(out + 8, h->ssrc);
}

uint64_t rtp_extend(uint64_t *highest, uint16_t seq)
{
	int16_t ahead = (int16_t)(uint16_t)(seq - (uint16_t)*highest);
	uint64_t v = *highest + (uint64_t)(int64_t)ahead;

	if (ahead > 0)
		*highest = v;
	return v;
}

double rtp_jitter_add(struct rtp_jitter *s, uint32_t clock, uint64_t at_ns, uint32_t timestamp)
{
	if (s->begun) {
		/* Timestamps wrap around; their difference is right all the same. */
		double sent = (int32_t)(timestamp - s->timestamp);
		double came = ((double)at_ns - (double)s->at_ns) * clock / 1e9;

		s->j += (fabs(came - sent) - s->j) / 16;
	}
	s->begun = true;
	s->at_ns = at_ns;
	s->timestamp = timestamp;
	return s->j;
}
