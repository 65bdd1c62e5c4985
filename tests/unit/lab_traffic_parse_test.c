/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines as the programs of Debian 12 and 13 print them. */

#include "lab/traffic/traffic_parse.h"

#include "base/cleanup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void reports(void **state)
{
	static const struct {
		const char *line;
		bool is;
		double from, to;
		int64_t lost;
		uint64_t total;
	} rows[] = {
		{ "[  5]   0.25-0.50   sec  1.33 MBytes  44700 Kbits/sec  0.160 ms  3/965 (0.31%)  ", true,
		  0.25, 0.50, 3, 965 },
		{ "[  5]   0.00-0.25   sec  0.00 Bytes  0.00 Kbits/sec  0.000 ms  0/0 (0%)  ", true, 0, 0.25,
		  0, 0 },
		{ "[  5]  10.00-10.25  sec  1.33 MBytes  44700 Kbits/sec  0.160 ms  -2/965 (-0.2%)  ", true,
		  10, 10.25, -2, 965 },
		{ "[  1] 0.2500-0.5000 sec  1.33 MBytes  44700 Kbits/sec   0.160 ms    3/  965 (0.31%)", true,
		  0.25, 0.5, 3, 965 },
		{ "[  5]   1.00-1.25   sec  33.0 MBytes  1107000 Kbits/sec                  ", true, 1, 1.25,
		  0, 0 },
		{ "[SUM]   0.25-0.50   sec   279 KBytes  9122 Kbits/sec  48.8 ms  27/224 (12%)  ", true, 0.25, 0.5,
		  27, 224 },
		{ "[SUM] 0.2500-0.5000 sec   279 KBytes  9122 Kbits/sec   27/224 (12%)", true, 0.25, 0.5, 27, 224 },
		{ "[SUM]   1.00-1.25   sec  33.0 MBytes  1107000 Kbits/sec                  ", true, 1, 1.25, 0, 0 },
		{ "[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams",
		  false, 0, 0, 0, 0 },
		{ "[  5] local 10.77.2.1 port 5201 connected to 10.77.1.1 port 40000", false, 0, 0, 0, 0 },
		{ "- - - - - - - - - - - - - - - - - - - - - - - - -", false, 0, 0, 0, 0 },
		{ "iperf3: the client has terminated", false, 0, 0, 0, 0 },
		{ "[  5]   0.25-0.25   sec  1.33 MBytes  44700 Kbits/sec  0.160 ms  3/965 (0.31%)", false, 0,
		  0, 0, 0 },
		{ "[  5]   0.25-0.50   sec  1.33 MBytes  44700 Kbits/sec  0.160 ms  3/", false, 0, 0, 0, 0 },
		{ "[", false, 0, 0, 0, 0 },
		{ "", false, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct traffic_report r = { .from = 77 };

		assert_int_equal(traffic_parse_report(rows[i].line, &r), rows[i].is);
		if (!rows[i].is) {
			assert_true(r.from == 77);
			continue;
		}
		assert_true(fabs(r.from - rows[i].from) < 1e-9 && fabs(r.to - rows[i].to) < 1e-9);
		assert_int_equal(r.lost, rows[i].lost);
		assert_int_equal(r.total, rows[i].total);
		assert_int_equal(r.sum, rows[i].line[1] == 'S');
	}
}

static void pings(void **state)
{
	uint64_t ns = 7, sent = 7, received = 7;

	(void)state;
	assert_true(traffic_parse_rtt("64 bytes from 10.77.2.1: icmp_seq=1 ttl=64 time=0.912 ms", &ns));
	assert_int_equal(ns, 912000);
	assert_true(traffic_parse_rtt("64 bytes from 10.77.2.1: icmp_seq=9 ttl=64 time=1031 ms", &ns));
	assert_int_equal(ns, 1031000000);
	assert_false(traffic_parse_rtt("PING 10.77.2.1 (10.77.2.1) 56(84) bytes of data.", &ns));
	assert_false(
		traffic_parse_rtt("5 packets transmitted, 5 received, 0% packet loss, time 4093ms", &ns));
	assert_int_equal(ns, 1031000000);
	assert_true(traffic_parse_ping_summary(
		"5 packets transmitted, 4 received, 20% packet loss, time 4093ms", &sent, &received));
	assert_int_equal(sent, 5);
	assert_int_equal(received, 4);
	assert_false(
		traffic_parse_ping_summary("rtt min/avg/max/mdev = 0.1/0.2/0.3/0.1 ms", &sent, &received));
}

static void snmp(void **state)
{
	static const char text[] =
		"Ip: Forwarding DefaultTTL\nIp: 1 64\n"
		"Icmp: InMsgs InErrors InEchos\nIcmp: 12 0 11\n"
		"Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n"
		"Udp: 100 2 401 50 401 0\n";
	uint64_t v = 7;

	(void)state;
	assert_true(traffic_parse_snmp(text, "Udp:", "RcvbufErrors", &v));
	assert_int_equal(v, 401);
	assert_true(traffic_parse_snmp(text, "Icmp:", "InEchos", &v));
	assert_int_equal(v, 11);
	assert_false(traffic_parse_snmp(text, "Udp:", "Rcvbuf", &v));
	assert_false(traffic_parse_snmp(text, "Tcp:", "InSegs", &v));
	assert_false(traffic_parse_snmp("Udp: A B\n", "Udp:", "A", &v));
	assert_false(traffic_parse_snmp("", "Udp:", "A", &v));
	assert_int_equal(v, 11);
}

static void bound(void **state)
{
	static const char text[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
				   "retrnsmt   uid  timeout inode\n"
				   "   0: 00000000:1451 00000000:0000 0A 00000000:00000000 00:00000000 "
				   "00000000     0        0 5177\n"
				   "   1: 01024D0A:1452 01014D0A:A1B2 01 00000000:00000000 00:00000000 "
				   "00000000     0        0 5178\n";
	static const char v6[] =
		"   0: 00000000000000000000000000000000:1451 00000000000000000000000000000000:0000 0A\n";

	(void)state;
	assert_true(traffic_parse_bound(text, 5201));
	assert_false(traffic_parse_bound(text, 5202)); /* connected */
	assert_false(traffic_parse_bound(text, 5203));
	assert_true(traffic_parse_bound(v6, 5201));
	assert_false(traffic_parse_bound("", 5201));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),
		cmocka_unit_test(pings),
		cmocka_unit_test(snmp),
		cmocka_unit_test(bound),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
