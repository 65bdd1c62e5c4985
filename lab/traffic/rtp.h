/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * RTP (RFC 3550): a packet's header, sequence numbers beyond 16 bits, and interarrival jitter. Pure functions: times
 * are arguments.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER 12 /* bytes of one without CSRCs and extension (RFC 3550 5.1) */

struct rtp_header {
	uint8_t type; /* payload type, 0..127 */
	bool marker;
	uint16_t seq;
	uint32_t timestamp, ssrc;
};

/*
 * Read a datagram: header, and where its payload lies (CSRCs, extension and padding left out). 0; -EBADMSG
 * (outputs untouched) if it is no RTP version 2 or shorter than it says.
 */
int rtp_parse(const void *datagram, size_t n, struct rtp_header *h, size_t *payload, size_t *payload_size);
/* Version 2, no padding, no extension, no CSRCs. */
void rtp_write(const struct rtp_header *h, uint8_t out[RTP_HEADER]);

/*
 * The sequence number, of all that end in these 16 bits, that lies nearest to the highest so far: correct
 * while less than 32,768 packets are missing or late in a row (RFC 3711 3.3.1 has the same rule). *highest is
 * the state: the first number that the sender uses, to begin with; it must not be below 65,536 for numbers
 * from before it to be right.
 */
uint64_t rtp_extend(uint64_t *highest, uint16_t seq);

/*
 * Interarrival jitter as RFC 3550 6.4.1 and A.8 have it: J += (|D| - J) / 16, D the difference of two
 * packets' spacing on arrival and in their timestamps, over packets in the order of arrival. In units of the
 * timestamp, with its fraction kept. Zeroed to begin with.
 */
struct rtp_jitter {
	bool begun;
	uint64_t at_ns;
	uint32_t timestamp;
	double j;
};
/* The estimate after this packet. clock: timestamp units a second. */
double rtp_jitter_add(struct rtp_jitter *s, uint32_t clock, uint64_t at_ns, uint32_t timestamp);
