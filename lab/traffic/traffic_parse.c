/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "traffic_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where a line tells the loss: after the jitter or, in a sum of iperf 2, after the rate. NULL: it does not. */
static const char *report_loss(const char *rest, bool sum)
{
	const char *jitter = strstr(rest, " ms "), *rate = strstr(rest, "bits/sec ");

	if (jitter)
		return jitter + strlen(" ms ");
	return sum && rate && strchr(rate, '(') ? rate + strlen("bits/sec ") : NULL;
}

/*
 * iperf3:  [  5]   0.25-0.50   sec  1.33 MBytes  44700 Kbits/sec  0.160 ms  3/965 (0.31%)
 * iperf 2: [  1] 0.2500-0.5000 sec  1.33 MBytes  44700 Kbits/sec   0.160 ms    3/  965 (0.31%)
 *          [SUM] 0.2500-0.5000 sec   279 KBytes  9122 Kbits/sec   27/224 (12%)
 * [SUM]: several streams together. One stream's lines are not told from another's.
 */
bool traffic_parse_report(const char *line, struct traffic_report *out)
{
	struct traffic_report r = { 0 };
	const char *p = strchr(line, ']');
	int n = 0;

	if (line[0] != '[' || !p || sscanf(p + 1, " %lf - %lf sec %lf%n", &r.from, &r.to, &r.amount, &n) < 3)
		return false;
	r.sum = strncmp(line, "[SUM]", 5) == 0;
	if (!(r.to > r.from))
		return false;
	p = report_loss(p + 1 + n, r.sum);
	if (p && sscanf(p, " %" SCNd64 " / %" SCNu64 " (", &r.lost, &r.total) < 2)
		return false;
	*out = r;
	return true;
}

bool traffic_parse_rtt(const char *line, uint64_t *ns)
{
	const char *p = strstr(line, " time=");
	double ms;

	if (!p || sscanf(p + 6, "%lf ms", &ms) != 1 || !(ms >= 0))
		return false;
	*ns = (uint64_t)(ms * 1e6);
	return true;
}

bool traffic_parse_ping_summary(const char *line, uint64_t *sent, uint64_t *received)
{
	uint64_t s, r;

	if (sscanf(line, "%" SCNu64 " packets transmitted, %" SCNu64 " received", &s, &r) != 2)
		return false;
	*sent = s;
	*received = r;
	return true;
}

/* A table is two lines: names, then values in the same order. */
bool traffic_parse_snmp(const char *text, const char *table, const char *column, uint64_t *out)
{
	const size_t n = strlen(table), width = strlen(column);
	const char *names = strstr(text, table), *values, *end;

	if (!names || !(end = strchr(names, '\n')) || strncmp(end + 1, table, n) != 0)
		return false;
	values = end + 1 + n;
	names += n;
	while (names < end) {
		size_t word;

		names += strspn(names, " ");
		values += strspn(values, " ");
		word = strcspn(names, " \n");
		if (word == width && strncmp(names, column, width) == 0)
			return sscanf(values, "%" SCNu64, out) == 1;
		names += word;
		values += strcspn(values, " \n");
	}
	return false;
}

/* Columns: slot, local address:port, remote address:port, ... all hexadecimal. */
bool traffic_parse_bound(const char *text, unsigned port)
{
	for (const char *l = text; l && *l; l = strchr(l, '\n'), l = l ? l + 1 : NULL) {
		unsigned local, remote;

		if (sscanf(l, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x", &local, &remote) == 2 &&
		    local == port && remote == 0)
			return true;
	}
	return false;
}
