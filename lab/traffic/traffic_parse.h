/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What iperf3, iperf 2, ping and the kernel print. Each function is true if the text had it. */

#include <stdbool.h>
#include <stdint.h>

struct traffic_report {  /* one line of an iperf server */
	double from, to; /* seconds since the test began */
	double amount;   /* of data, unit unknown: more than 0 or not */
	int64_t lost;    /* datagrams; negative where late ones are taken back; 0 for TCP */
	uint64_t total;  /* datagrams, lost ones included; 0 for TCP */
	bool sum;        /* of several streams together */
};
bool traffic_parse_report(const char *line, struct traffic_report *out);

/* "... time=0.91 ms" */
bool traffic_parse_rtt(const char *line, uint64_t *ns);
/* "12 packets transmitted, 11 received, ..." */
bool traffic_parse_ping_summary(const char *line, uint64_t *sent, uint64_t *received);

/* /proc/net/snmp: table "Udp:", column "RcvbufErrors". */
bool traffic_parse_snmp(const char *text, const char *table, const char *column, uint64_t *out);
/* /proc/net/{tcp,udp}{,6}: whether a socket is bound to the port and not connected. */
bool traffic_parse_bound(const char *text, unsigned port);
