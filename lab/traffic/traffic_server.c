/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The servers' end of a traffic: an iperf in its server's namespace, and what it says. */

#include "traffic_impl.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"
#include "traffic_parse.h"

#include <errno.h>
#include <fcntl.h>
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

static void server_said(struct traffic *t, const char *line, uint64_t now)
{
	if (line[0])
		snprintf(t->last, sizeof(t->last), "%.*s", (int)sizeof(t->last) - 1, line);
	if (!t->config.from_server)
		traffic_reported(t, line, now);
}

static void on_server(int fd, void *arg)
{
	struct traffic *t = arg;
	ssize_t k = read(fd, t->line + t->fill, sizeof(t->line) - 1 - t->fill);
	uint64_t now = clock_now_ns();
	size_t used = 0;

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k <= 0) {
		loop_del(fd);
		close(TAKE_FD(t->server_fd));
		return;
	}
	t->fill += (size_t)k;
	while (lines_next(t->line, &t->fill, &used))
		server_said(t, t->line, now);
	if (t->fill == sizeof(t->line) - 1)
		t->fill = 0;
}

#define WORDS_MAX 24

/*
 * Servers report four times a second: fine enough to cut the loss at the borders of phases. stdbuf: iperf 2
 * has no option to flush its lines into a pipe.
 */
int traffic_server_start(struct traffic *t, struct errtext *e)
{
	_cleanup_close_ int in = -1, out = -1;
	const char *argv[WORDS_MAX + 1];
	struct spawn s = SPAWN_INIT;
	char line[128], *save = NULL;
	size_t n = 0;
	int p[2], r;

	if (t->config.kind == TRAFFIC_UDP2)
		snprintf(line, sizeof(line), "stdbuf -oL iperf -s -u -i 0.25 -f k -w 4M -p %u", t->port);
	else
		snprintf(line, sizeof(line), "iperf3 -s -1 -i 0.25 -f k --forceflush -p %u", t->port);
	for (char *w = strtok_r(line, " ", &save); w && n < WORDS_MAX; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
	if (pipe2(p, O_CLOEXEC) < 0)
		return errtext_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	in = p[0];
	out = p[1];
	fcntl(in, F_SETFL, O_NONBLOCK);
	r = loop_add(in, on_server, t);
	if (r < 0)
		return errtext_set(e, r, "cannot watch a server: %s", strerror(-r));
	s.argv = argv;
	s.netns = t->at->server_netns;
	s.out = s.err = out;
	s.realtime = true;
	r = proc_spawn(&s, &t->server, e);
	if (r < 0) {
		t->server = 0;
		loop_del(in);
		return r;
	}
	t->server_fd = TAKE_FD(in);
	return 0;
}

int traffic_server_listening(void *arg)
{
	const struct traffic *t = arg;
	const bool udp = t->config.kind == TRAFFIC_UDP2; /* iperf3 begins with a TCP connection in any case */
	_cleanup_free_ char *v4 = NULL, *v6 = NULL;

	if (!proc_alive(t->server, NULL))
		return -EPIPE;
	if (proc_read_ns(t->at->server_netns, udp ? "/proc/net/udp" : "/proc/net/tcp", &v4) == 0 &&
	    traffic_parse_bound(v4, t->port))
		return 1;
	if (proc_read_ns(t->at->server_netns, udp ? "/proc/net/udp6" : "/proc/net/tcp6", &v6) == 0 &&
	    traffic_parse_bound(v6, t->port))
		return 1;
	return 0;
}

void traffic_server_stop(struct traffic *t)
{
	if (t->server > 0)
		proc_stop(t->server, SIGTERM, 200, NULL);
	t->server = 0;
	if (t->server_fd >= 0) {
		loop_del(t->server_fd);
		close(TAKE_FD(t->server_fd));
	}
	t->fill = 0;
}
