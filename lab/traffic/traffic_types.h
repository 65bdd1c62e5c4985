/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a load is, and what the programs say of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum traffic_kind {
	TRAFFIC_UDP,    /* iperf3 -u -b 0 */
	TRAFFIC_UDP2,   /* iperf 2 -u; no control connection, so it starts under any load */
	TRAFFIC_TCP,    /* iperf3 */
	TRAFFIC_ICMP,   /* ping -f */
	TRAFFIC_PING,   /* ping at 10 Hz: RTT samples */
	TRAFFIC_VIDEO,  /* H.264 as RTP over UDP in real time, 5 Mbit/s: video.h */
};

struct traffic_config {
	enum traffic_kind kind;
	unsigned size;      /* payload bytes of a datagram or ping; 0: 1448 (UDP), 1472 (ICMP), 56 (ping) */
	uint64_t rate_bps;  /* payload rate of UDP and TCP, of each flow; 0: as fast as it goes */
	unsigned streams;   /* TCP connections, or flows of UDP; 0: 1 */
	bool from_server;   /* the server sends, the VM receives */
};

struct traffic_interval {
	uint64_t at_ns;    /* host's clock when the server reported it: its end */
	uint64_t span_ns;  /* its length by the server's clock */
	uint64_t lost;     /* datagrams missing by sequence number; UDP only */
	uint64_t total;    /* received + lost */
};

struct traffic_rtt {
	uint64_t at_ns;    /* host's clock when the reply was reported */
	uint64_t rtt_ns;
};

struct traffic_result { /* borrowed; grows while the loop runs */
	const struct traffic_interval *intervals;
	size_t n_intervals;
	const struct traffic_rtt *rtts;
	size_t n_rtts;
	uint64_t sent, received; /* ICMP, ping: requests and replies, after traffic_stop_all(); UDP: received */
	uint64_t lost;           /* UDP: sum over intervals; ICMP, ping: sent - received */
	uint64_t rcvbuf_errors;  /* of the server's namespace since the start: the receiver's own drops */
};
