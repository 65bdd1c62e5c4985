/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The servers' end of a traffic: an iperf in its server's namespace, and what it says. */

#include "traffic_impl.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "traffic_parse.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void traffic_reported(struct traffic *t, const char *line, uint64_t now)
{
	struct traffic_report rep;

	if (!traffic_parse_report(line, &rep))
		return;
	if (rep.sum != (t->config.streams > 1) || rep.from < t->until - 0.01)
		return; /* one of several streams, or the summary at the end */
	t->until = rep.to;
	if (rep.amount > 0)
		t->under_way = true;
	if (array_reserve(&t->intervals, t->r.n_intervals, sizeof(*t->intervals)) < 0)
		return; /* without memory the report is lost, and the lab ends soon anyway */
	t->intervals[t->r.n_intervals++] = (struct traffic_interval){
		.at_ns = now,
		.span_ns = (uint64_t)((rep.to - rep.from) * 1e9),
		.lost = rep.lost > 0 ? (uint64_t)rep.lost : 0,
		.total = rep.total,
	};
	t->lost += rep.lost;
	t->r.received += rep.total - (uint64_t)rep.lost;
}

static void server_said(void *arg, const char *line, uint64_t now)
{
	struct traffic *t = arg;

	if (line[0])
		snprintf(t->last, sizeof(t->last), "%.*s", (int)sizeof(t->last) - 1, line);
	if (!t->config.from_server)
		traffic_reported(t, line, now);
}

/*
 * Servers report four times a second: fine enough to cut the loss at the borders of phases. stdbuf: iperf 2
 * has no option to flush its lines into a pipe.
 */
int traffic_server_start(struct traffic *t, struct errtext *e)
{
	_cleanup_close_ int out = -1;
	char port[8];
	const char *const iperf3[] = { "iperf3", "-s", "-1", "-i", "0.25", "-f", "k", "--forceflush", "-p", port, NULL };
	const char *const iperf[] = { "stdbuf", "-oL", "iperf", "-s", "-u", "-i", "0.25", "-f", "k", "-w", "4M", "-p", port, NULL };
	struct spawn s = SPAWN_INIT;
	int r;

	t->server_says = (struct lines){ .said = server_said, .arg = t };
	r = lines_pipe(&t->server_says, &out, e);
	if (r < 0)
		return r;
	snprintf(port, sizeof(port), "%u", t->port);
	s.argv = t->config.kind == TRAFFIC_UDP2 ? iperf : iperf3;
	s.netns = t->at->server_netns;
	s.out = s.err = out;
	s.realtime = true;
	r = proc_spawn(&s, &t->server, e);
	if (r < 0)
		traffic_server_stop(t);
	return r;
}

int traffic_bound(pid_t pid, const char *netns, const char *protocol, unsigned port)
{
	static const char *const versions[] = { "", "6" };

	if (!proc_alive(pid, NULL))
		return -EPIPE;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		_cleanup_free_ char *text = NULL;
		char path[32];

		snprintf(path, sizeof(path), "/proc/net/%s%s", protocol, versions[i]);
		if (proc_read_ns(netns, path, &text) == 0 && traffic_parse_bound(text, port))
			return 1;
	}
	return 0;
}

int traffic_server_listening(void *arg)
{
	const struct traffic *t = arg;

	/* iperf3 begins with a TCP connection in any case */
	return traffic_bound(t->server, t->at->server_netns, t->config.kind == TRAFFIC_UDP2 ? "udp" : "tcp", t->port);
}

void traffic_server_stop(struct traffic *t)
{
	if (t->server > 0)
		proc_stop(t->server, SIGTERM, 200, NULL);
	t->server = 0;
	lines_close(&t->server_says);
}
