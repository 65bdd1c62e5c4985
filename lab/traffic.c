/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A traffic is a command in the guest (the client) and, except for pings, a server process in its server's
 * namespace. Both print as they go: the server's lines come through a pipe, the client's through the
 * guest's agent, and both are read while the loop waits. Text is read instead of JSON because iperf3 prints
 * JSON only at the end, without host times, and not at all if it is killed.
 *
 * Start: wait until the server's port shows in the namespace's /proc/net/{tcp,udp}, then start the client;
 * it is under way when the server reports bytes (ping: when a reply came; ping -f: when the server's kernel
 * counted echo requests). iperf3's UDP test opens with a datagram that a full wire may drop, after which
 * both ends wait for ever: an attempt that has not got under way after 3 s is given up and made again on
 * the next port.
 *
 * Stop: SIGINT makes every client say its last words. A server that has not ended 3 s later is killed.
 */

#include "traffic.h"

#include "core/cleanup.h"
#include "loop.h"
#include "traffic_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPT_NS 3000000000ULL
#define LAST_WORDS_NS 3000000000ULL
#define LISTEN_NS 5000000000ULL
#define ECHOES_UNDER_WAY 20

struct traffic {
	struct traffic_config config;
	const struct topo_vm *at;
	struct vm *vm;
	unsigned port;
	pid_t server; /* 0: none */
	int server_fd;
	char line[512]; /* of the server */
	size_t fill;
	char last[160]; /* last line of the server */
	struct vm_cmd *client;
	size_t client_seen; /* lines of the client that were read */
	uint64_t attempt_ns;
	uint64_t echoes_before, rcvbuf_before;
	bool under_way, stopped;
	double until; /* seconds into the test that intervals cover */
	struct traffic_result r;
	struct traffic_interval *intervals;
	size_t intervals_room;
	struct traffic_rtt *rtts;
	size_t rtts_room;
	int64_t lost;
};

static const struct {
	const char *name;
	bool udp, server;
	unsigned size;
} kinds[] = {
	[TRAFFIC_UDP] = { "udp", true, true, 1448 },
	[TRAFFIC_UDP2] = { "udp2", true, true, 1448 },
	[TRAFFIC_TCP] = { "tcp", false, true, 0 },
	[TRAFFIC_ICMP] = { "icmp", false, false, 1472 },
	[TRAFFIC_PING] = { "ping", false, false, 56 },
};

int traffic_kind_from_name(const char *name, enum traffic_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*ret = (enum traffic_kind)i;
			return 0;
		}
	return -EINVAL;
}

const char *traffic_kind_name(enum traffic_kind kind)
{
	return kinds[kind].name;
}

/* A column of the server's /proc/net/snmp; 0 if it cannot be read. */
static uint64_t snmp(const struct traffic *t, const char *table, const char *column)
{
	_cleanup_free_ char *text = NULL;
	uint64_t v = 0;

	if (proc_read_ns(t->at->server_netns, "/proc/net/snmp", &text) == 0)
		traffic_parse_snmp(text, table, column, &v);
	return v;
}

/* Make room for one more; false: out of memory, the sample is lost. */
static bool grow(void **p, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *q;

	if (n < *room)
		return true;
	q = realloc(*p, more * size);
	if (!q)
		return false;
	*p = q;
	*room = more;
	return true;
}

/* --- what servers and clients say --- */

static void server_said(struct traffic *t, const char *line, uint64_t now)
{
	struct traffic_report rep;

	if (line[0])
		snprintf(t->last, sizeof(t->last), "%.*s", (int)sizeof(t->last) - 1, line);
	if (!traffic_parse_report(line, &rep))
		return;
	if (rep.from < t->until - 0.01)
		return; /* the summary at the end, or one of several streams */
	t->until = rep.to;
	if (rep.amount > 0)
		t->under_way = true;
	if (!grow((void **)&t->intervals, t->r.n_intervals, &t->intervals_room, sizeof(*t->intervals)))
		return;
	t->intervals[t->r.n_intervals++] = (struct traffic_interval){
		.at_ns = now,
		.span_ns = (uint64_t)((rep.to - rep.from) * 1e9),
		.lost = rep.lost > 0 ? (uint64_t)rep.lost : 0,
		.total = rep.total,
	};
	t->lost += rep.lost;
	t->r.received += rep.total - (uint64_t)rep.lost;
}

static void on_server(int fd, void *arg)
{
	struct traffic *t = arg;
	ssize_t k = read(fd, t->line + t->fill, sizeof(t->line) - 1 - t->fill);
	uint64_t now = now_ns();
	char *nl;

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k <= 0) {
		loop_del(fd);
		close(TAKE_FD(t->server_fd));
		return;
	}
	t->fill += (size_t)k;
	while ((nl = memchr(t->line, '\n', t->fill))) {
		size_t used = (size_t)(nl - t->line) + 1;

		*nl = 0;
		server_said(t, t->line, now);
		t->fill -= used;
		memmove(t->line, t->line + used, t->fill);
	}
	if (t->fill == sizeof(t->line) - 1)
		t->fill = 0;
}

static void client_said(struct traffic *t, const struct vm_line *l)
{
	uint64_t rtt;

	if (t->config.kind == TRAFFIC_UDP || t->config.kind == TRAFFIC_UDP2 || t->config.kind == TRAFFIC_TCP)
		return;
	if (traffic_parse_ping_summary(l->text, &t->r.sent, &t->r.received))
		return;
	if (!traffic_parse_rtt(l->text, &rtt))
		return;
	t->under_way = true;
	if (grow((void **)&t->rtts, t->r.n_rtts, &t->rtts_room, sizeof(*t->rtts)))
		t->rtts[t->r.n_rtts++] = (struct traffic_rtt){ .at_ns = l->at_ns, .rtt_ns = rtt };
}

static void read_client(struct traffic *t)
{
	const struct vm_line *l;
	size_t n;

	if (!t->client)
		return;
	l = vm_cmd_lines(t->client, &n);
	for (; t->client_seen < n; t->client_seen++)
		client_said(t, &l[t->client_seen]);
}

/* --- start --- */

#define WORDS_MAX 24

/*
 * Servers report four times a second: fine enough to cut the loss at the borders of phases. stdbuf: iperf 2
 * has no option to flush its lines into a pipe.
 */
static int start_server(struct traffic *t, struct errtext *e)
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

static int listening(void *arg)
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

/*
 * /bin/ping: the shell of busybox would take its own, which cannot flood. 64 pings under way: with one the
 * load is bound by the round trip (1,000 pings/s of 1,472 B a guest on two busy cores), with 16 by the guest
 * (6,600/s, 80 Mbit/s), but 16 are gone in 2 ms, and a guest that waits longer for a processor has nothing to send.
 */
static int start_client(struct traffic *t)
{
	const struct traffic_config *c = &t->config;
	const unsigned size = c->size ? c->size : kinds[c->kind].size;
	const char *to = t->at->server;

	t->client_seen = 0;
	switch (c->kind) {
	case TRAFFIC_UDP:
		return vm_exec(t->vm, &t->client,
			       "exec iperf3 -u -c %s -p %u -b %" PRIu64 " -l %u -t 86400 -i 0", to, t->port,
			       c->rate_bps, size);
	case TRAFFIC_UDP2:
		/* iperf 2 wants a rate: one that no guest reaches. */
		return vm_exec(t->vm, &t->client, "exec iperf -u -c %s -p %u -b %" PRIu64 " -l %u -t 86400",
			       to, t->port, c->rate_bps ? c->rate_bps : 100000000000, size);
	case TRAFFIC_TCP:
		return vm_exec(t->vm, &t->client, "exec iperf3 -c %s -p %u -P %u -t 86400 -i 0", to, t->port,
			       c->streams ? c->streams : 1);
	case TRAFFIC_ICMP:
		return vm_exec(t->vm, &t->client, "exec /bin/ping -f -l 64 -q -n -s %u %s", size, to);
	case TRAFFIC_PING:
		return vm_exec(t->vm, &t->client, "exec /bin/ping -n -i 0.1 -s %u %s", size, to);
	}
	return -EINVAL;
}

static int attempt(struct traffic *t, struct errtext *e)
{
	static unsigned next_port;
	int r;

	t->attempt_ns = now_ns();
	t->until = 0;
	if (kinds[t->config.kind].server) {
		t->port = 5201 + next_port++ % 1000;
		r = start_server(t, e);
		if (r < 0)
			return r;
		r = loop_while(listening, t, now_ns() + LISTEN_NS);
		if (r < 0)
			return errtext_set(e, r, "server %s of %s does not listen: %s",
					   traffic_kind_name(t->config.kind), vm_name(t->vm),
					   t->last[0] ? t->last : strerror(-r));
	}
	r = start_client(t);
	if (r < 0)
		return errtext_set(e, r, "%s: cannot start traffic: %s", vm_name(t->vm), strerror(-r));
	return 0;
}

static void close_server(struct traffic *t)
{
	if (t->server > 0)
		proc_stop(t->server, SIGTERM, 200, NULL);
	t->server = 0;
	if (t->server_fd >= 0) {
		loop_del(t->server_fd);
		close(TAKE_FD(t->server_fd));
	}
}

static void give_up(struct traffic *t)
{
	if (t->client)
		vm_cmd_signal(t->client, SIGKILL);
	t->client = vm_cmd_free(t->client);
	close_server(t);
	t->fill = 0;
}

int traffic_start(struct traffic **ret, const struct topo *topo, unsigned index, struct vm *vm,
		  const struct traffic_config *c, struct errtext *e)
{
	_cleanup_(traffic_freep) struct traffic *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return errtext_set(e, -ENOMEM, "out of memory");
	t->config = *c;
	t->at = &topo->vm[index];
	t->vm = vm;
	t->server_fd = -1;
	t->rcvbuf_before = snmp(t, "Udp:", "RcvbufErrors");
	t->echoes_before = snmp(t, "Icmp:", "InEchos");
	r = attempt(t, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

struct all {
	struct traffic *const *t;
	size_t n;
	struct traffic *culprit;
};

static bool is_under_way(struct traffic *t)
{
	read_client(t);
	if (t->config.kind == TRAFFIC_ICMP && !t->under_way)
		t->under_way = snmp(t, "Icmp:", "InEchos") >= t->echoes_before + ECHOES_UNDER_WAY;
	return t->under_way;
}

/* 1: all run; 0: not yet; -EPIPE: one ended; -EAGAIN: one should be tried again. */
static int all_under_way(void *arg)
{
	struct all *a = arg;
	int result = 1;

	for (size_t i = 0; i < a->n; i++) {
		struct traffic *t = a->t[i];

		if (is_under_way(t))
			continue;
		result = 0;
		a->culprit = t;
		if (vm_cmd_done(t->client, NULL) || now_ns() - t->attempt_ns > ATTEMPT_NS)
			return vm_alive(t->vm) ? -EAGAIN : -EPIPE;
	}
	return result;
}

static const char *client_last(const struct traffic *t)
{
	const struct vm_line *l;
	size_t n = 0;

	if (!t->client)
		return "";
	l = vm_cmd_lines(t->client, &n);
	return n ? l[n - 1].text : "";
}

int traffic_wait_running(struct traffic *const *t, size_t n, unsigned timeout_ms, struct errtext *e)
{
	uint64_t deadline = now_ns() + timeout_ms * 1000000ULL;
	struct all a = { .t = t, .n = n };
	char last[100];
	int r;

	for (;;) {
		r = loop_while(all_under_way, &a, deadline);
		if (r == 0)
			return 0;
		snprintf(last, sizeof(last), "%s", a.culprit ? client_last(a.culprit) : "");
		if (r != -EAGAIN || now_ns() >= deadline)
			break;
		give_up(a.culprit);
		r = attempt(a.culprit, e);
		if (r < 0)
			return r;
	}
	if (r == -EINTR || !a.culprit)
		return errtext_set(e, r, "interrupted while traffic started");
	return errtext_set(e, r == -EAGAIN ? -ETIMEDOUT : r, "%s: %s traffic does not get through: %s",
			   vm_name(a.culprit->vm), traffic_kind_name(a.culprit->config.kind),
			   last[0] ? last : a.culprit->last);
}

bool traffic_running(const struct traffic *t, struct errtext *e)
{
	int status = 0;

	if (t->stopped || !t->client)
		return false;
	if (vm_cmd_done(t->client, &status)) {
		errtext_set(e, 0, "%s: %s ended (%d): %s", vm_name(t->vm), traffic_kind_name(t->config.kind),
			    status, client_last(t));
		return false;
	}
	if (t->server > 0 && !proc_alive(t->server, NULL)) {
		errtext_set(e, 0, "%s: its server ended: %s", vm_name(t->vm), t->last);
		return false;
	}
	return true;
}

/* --- stop --- */

static int all_silent(void *arg)
{
	struct all *a = arg;

	for (size_t i = 0; i < a->n; i++) {
		struct traffic *t = a->t[i];

		if (t->stopped)
			continue;
		if (t->client && !vm_cmd_done(t->client, NULL))
			return 0;
		/* iperf 2's server serves for ever. */
		if (t->config.kind != TRAFFIC_UDP2 && t->server > 0 && proc_alive(t->server, NULL))
			return 0;
	}
	return 1;
}

static void finish(struct traffic *t)
{
	if (t->stopped)
		return;
	read_client(t);
	t->r.rcvbuf_errors = snmp(t, "Udp:", "RcvbufErrors") - t->rcvbuf_before;
	if (t->config.kind == TRAFFIC_ICMP || t->config.kind == TRAFFIC_PING)
		t->lost = (int64_t)(t->r.sent - t->r.received);
	give_up(t);
	t->stopped = true;
}

int traffic_stop_all(struct traffic *const *t, size_t n, struct errtext *e)
{
	struct all a = { .t = t, .n = n };
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (!t[i]->stopped && t[i]->client)
			vm_cmd_signal(t[i]->client, SIGINT);
	r = loop_while(all_silent, &a, now_ns() + LAST_WORDS_NS);
	for (size_t i = 0; i < n; i++)
		finish(t[i]);
	/* A client that is still pushing its last datagrams through a full wire is not an error. */
	return r == -ETIMEDOUT || r == 0 ? 0 : errtext_set(e, r, "interrupted while traffic stopped");
}

int traffic_stop(struct traffic *t, struct errtext *e)
{
	return traffic_stop_all(&t, 1, e);
}

void traffic_get(struct traffic *t, struct traffic_result *out)
{
	if (!t->stopped) {
		read_client(t);
		t->r.rcvbuf_errors = snmp(t, "Udp:", "RcvbufErrors") - t->rcvbuf_before;
	}
	t->r.lost = t->lost > 0 ? (uint64_t)t->lost : 0;
	t->r.intervals = t->intervals;
	t->r.rtts = t->rtts;
	*out = t->r;
}

struct traffic *traffic_free(struct traffic *t)
{
	if (!t)
		return NULL;
	give_up(t);
	free(t->intervals);
	free(t->rtts);
	free(t);
	return NULL;
}

void traffic_freep(struct traffic **t)
{
	*t = traffic_free(*t);
}
