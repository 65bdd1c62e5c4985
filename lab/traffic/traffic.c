/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A traffic is a command in the guest (the client) and, except for pings and video, a server process in its server's
 * namespace (traffic_server.c; what there is for video is in traffic_video.c). Both print as they go: the server's lines come through a pipe, the client's through the
 * guest's agent, and both are read while the loop waits. Text is read instead of JSON because iperf3 prints
 * JSON only at the end, without host times, and not at all if it is killed.
 *
 * Start: wait until the server's port shows in the namespace's /proc/net/{tcp,udp}, then start the client;
 * it is under way when the server reports bytes (ping: when a reply came; ping -f: when the server's kernel
 * counted echo requests). iperf3's UDP test opens with a datagram that a full wire may drop, after which
 * both ends wait for ever: an attempt that has not got under way after 3 s is given up and made again on
 * the next port.
 *
 * What a VM receives is the same with iperf3's -R: the server sends, and the client's lines tell what came.
 *
 * Stop: SIGINT makes every client say its last words. A server that has not ended 3 s later is killed.
 */

#include "traffic.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "lab/proc/loop.h"
#include "traffic_impl.h"
#include "traffic_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPT_NS 3000000000ULL
#define ATTEMPTS_ALIKE 3 /* then three of twice the time, and so on */
#define ATTEMPTS_DOUBLED 2
#define LAST_WORDS_NS 3000000000ULL
#define LISTEN_NS 5000000000ULL
#define ECHOES_UNDER_WAY 20

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
	[TRAFFIC_VIDEO] = { "video", true, false, 0 },
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

bool traffic_may_receive(enum traffic_kind kind)
{
	return kind == TRAFFIC_UDP || kind == TRAFFIC_TCP;
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

/* --- what servers and clients say --- */

static void client_said(struct traffic *t, const struct vm_line *l)
{
	uint64_t rtt;

	if (t->config.from_server)
		traffic_reported(t, l->text, l->at_ns);
	if (kinds[t->config.kind].server)
		return;
	if (t->config.kind == TRAFFIC_VIDEO) {
		snprintf(t->last, sizeof(t->last), "%.*s", (int)sizeof(t->last) - 1, l->text);
		return;
	}
	if (traffic_parse_ping_summary(l->text, &t->r.sent, &t->r.received))
		return;
	if (!traffic_parse_rtt(l->text, &rtt))
		return;
	t->under_way = true;
	if (array_reserve(&t->rtts, t->r.n_rtts, sizeof(*t->rtts)) == 0)
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

/*
 * /bin/ping: the shell of busybox would take its own, which cannot flood. 256 pings under way: with one the
 * load is bound by the round trip (1,000 pings/s of 1,472 B a guest on two busy cores), with 16 by the guest
 * (6,600/s, 80 Mbit/s), but 16 are gone in 2 ms and 64 in 10, and a guest that waits longer for a processor has
 * nothing to send. Of 256 its socket's send buffer holds about 90, so that the guest always has some waiting.
 */
static int start_client(struct traffic *t)
{
	const struct traffic_config *c = &t->config;
	const unsigned size = c->size ? c->size : kinds[c->kind].size;
	const unsigned streams = c->streams ? c->streams : 1;
	const char *to = t->at->server, *way = c->from_server ? " -R -i 0.25 -f k --forceflush" : " -i 0";

	t->client_seen = 0;
	switch (c->kind) {
	case TRAFFIC_UDP:
		return vm_exec(t->vm, &t->client,
			       "exec iperf3 -u -c %s -p %u -P %u -b %" PRIu64 " -l %u -t 86400%s",
			       to, t->port, streams, c->rate_bps, size, way);
	case TRAFFIC_UDP2:
		/* iperf 2 wants a rate: one that no guest reaches. */
		return vm_exec(t->vm, &t->client,
			       "exec iperf -u -c %s -p %u -P %u -b %" PRIu64 " -l %u -t 86400",
			       to, t->port, streams, c->rate_bps ? c->rate_bps : 100000000000, size);
	case TRAFFIC_TCP:
		return vm_exec(t->vm, &t->client, "exec iperf3 -c %s -p %u -P %u -b %" PRIu64 " -t 86400%s", to, t->port,
			       streams, c->rate_bps, way);
	case TRAFFIC_ICMP:
		return vm_exec(t->vm, &t->client, "exec /bin/ping -f -l 256 -q -n -s %u %s", size, to);
	case TRAFFIC_VIDEO:
		return traffic_video_play(t);
	case TRAFFIC_PING:
		return vm_exec(t->vm, &t->client, "exec /bin/ping -n -i 0.1 -s %u %s", size, to);
	}
	return -EINVAL;
}

static int attempt(struct traffic *t, struct errtext *e)
{
	static unsigned next_port;
	int r;

	t->attempts++;
	t->attempt_ns = clock_now_ns();
	t->until = 0;
	t->port = 5201 + next_port++ % 1000;
	if (t->config.kind == TRAFFIC_VIDEO) {
		r = traffic_video_start(t, e);
		if (r < 0)
			return r;
		t->attempt_ns = clock_now_ns();
	}
	if (kinds[t->config.kind].server) {
		r = traffic_server_start(t, e);
		if (r < 0)
			return r;
		r = loop_while(traffic_server_listening, t, clock_now_ns() + LISTEN_NS);
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

static void give_up(struct traffic *t)
{
	if (t->client)
		vm_cmd_signal(t->client, SIGKILL);
	t->client = vm_cmd_free(t->client);
	traffic_server_stop(t);
	traffic_video_stop(t);
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
	t->server_says.fd = -1;
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

/* A guest that gets little of the processor needs longer, and killing it in the middle gets it nowhere. */
static uint64_t attempt_time(const struct traffic *t)
{
	unsigned doubled = (t->attempts - 1) / ATTEMPTS_ALIKE;

	return ATTEMPT_NS << (doubled < ATTEMPTS_DOUBLED ? doubled : ATTEMPTS_DOUBLED);
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
		if (vm_cmd_done(t->client, NULL) || clock_now_ns() - t->attempt_ns > attempt_time(t))
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
	uint64_t deadline = clock_now_ns() + timeout_ms * 1000000ULL;
	struct all a = { .t = t, .n = n };
	char last[100];
	int r;

	for (;;) {
		r = loop_while(all_under_way, &a, deadline);
		if (r == 0)
			return 0;
		snprintf(last, sizeof(last), "%s", a.culprit ? client_last(a.culprit) : "");
		if (r != -EAGAIN || !a.culprit || clock_now_ns() >= deadline)
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
	r = loop_while(all_silent, &a, clock_now_ns() + LAST_WORDS_NS);
	for (size_t i = 0; i < n; i++)
		finish(t[i]);
	/* A client that is still pushing its last datagrams through a full wire is not an error. */
	return r == -ETIMEDOUT || r == 0 ? 0 : errtext_set(e, r, "interrupted while traffic stopped");
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
	traffic_video_free(t);
	free(t->intervals);
	free(t->rtts);
	free(t);
	return NULL;
}

void traffic_freep(struct traffic **t)
{
	*t = traffic_free(*t);
}
