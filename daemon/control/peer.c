// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/state/events.h"
#include "proto/doing.h"
#include "proto/proto.h"
#include "verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Nothing more is read from a peer while more than this waits for it, bytes. */
#define OUTPUT_PAUSE PROTO_LINE_MAX
/* So no more than this can wait. */
#define OUTPUT_MAX (OUTPUT_PAUSE + PROTO_ANSWER_MAX)
/* So many bytes of events are sent to a peer before others have their turn, and so many wait for it at most. */
#define STREAM_MAX (2 * EVENTS_LINE_MAX)
/* What a peer that watches may have in its socket (the kernel doubles it); the rest is for the farewell. */
#define STREAM_SNDBUF (64 * 1024)
#define FAREWELL_SNDBUF (2 * STREAM_SNDBUF)
/*
 * Behind divvyd's own work, root before others. A client's first request goes before those of clients that ask on and on:
 * 200 of root's that did kept root's next `status` waiting for two requests of each.
 */
#define PRIORITY_ROOT (SD_EVENT_PRIORITY_NORMAL + 1)
#define PRIORITY_OTHERS (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_AGAIN 1 /* added from the second request on */

struct peer {
	struct daemon *daemon;
	struct peer_owner owner;
	int fd;
	struct peer_caller who;
	sd_event_source *source;
	sd_event_source *more; /* on while a whole request is left in the buffer */
	char *in; /* grows up to PROTO_LINE_MAX */
	size_t in_len, in_size;
	size_t in_looked; /* bytes of it that hold no newline */
	char *out;
	size_t out_len, out_sent;
	struct reply_queue *replies;
	struct watcher watcher;
	uint64_t active_ns;
	bool asked;  /* it has had its first request */
	bool ended;  /* it sends no more requests */
	bool cut;    /* it was told that it has missed events */
	bool broken; /* to be closed as soon as no function works on it */
};

static size_t waiting(const struct peer *p)
{
	return p->out_len - p->out_sent;
}

/* Send what the socket takes. False: the peer is broken. */
static bool flush(struct peer *p)
{
	while (p->out_sent < p->out_len) {
		ssize_t n = send(p->fd, p->out + p->out_sent, p->out_len - p->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p->out_sent += (size_t)n;
		p->active_ns = clock_now_ns();
	}
	if (p->out_sent == p->out_len)
		p->out_sent = p->out_len = 0;
	return true;
}

/* Append an answer. False: broken. */
static bool put(struct peer *p, const char *line)
{
	size_t len = strlen(line), left = waiting(p);
	char *bigger;

	if (left + len > OUTPUT_MAX)
		return false;
	if (p->out_sent)
		memmove(p->out, p->out + p->out_sent, left);
	else if (!left)
		p->active_ns = clock_now_ns(); /* from now on it is waited for */
	p->out_len = left;
	p->out_sent = 0;
	bigger = realloc(p->out, left + len);
	if (!bigger)
		return false;
	p->out = bigger;
	memcpy(p->out + left, line, len);
	p->out_len += len;
	return true;
}

/* The first whole line's length with its newline; 0: there is none. */
static size_t whole_line(struct peer *p)
{
	char *end = p->in_len > p->in_looked ? memchr(p->in + p->in_looked, '\n', p->in_len - p->in_looked) : NULL;

	if (end)
		return (size_t)(end - p->in) + 1;
	p->in_looked = p->in_len;
	return 0;
}

/* Say to the event loop what to wait for. */
static void wait_for(struct peer *p)
{
	bool reads = waiting(p) <= OUTPUT_PAUSE, more = whole_line(p);

	sd_event_source_set_io_events(p->source, (waiting(p) || events_left(&p->watcher) ? EPOLLOUT : 0U) |
							 (reads && !more && !p->ended ? EPOLLIN : 0U));
	sd_event_source_set_enabled(p->more, reads && more ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* --- events -------------------------------------------------------------------------------------- */

/* Once the answer to `watch` is sent. */
static void follow(struct peer *p)
{
	const int room = STREAM_SNDBUF;
	int64_t id;

	if (p->broken || p->cut || !reply_follows(p->replies, &id) || (p->watcher.events && p->watcher.id == id))
		return;
	setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	p->broken = events_watch(p->daemon->events, id, &p->watcher) < 0;
}

/* It was overtaken: tell it, and end. Its socket is full; the room for this was kept back. */
static void cut_off(struct peer *p)
{
	const int room = FAREWELL_SNDBUF;
	char line[EVENTS_LINE_MAX];
	uint64_t missed = events_missed(&p->watcher, line);

	log_notice("control: process %d has missed %" PRIu64 " events, for it does not read them: closed", p->who.cred.pid,
		   missed);
	events_leave(&p->watcher);
	setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	p->cut = p->ended = true;
	p->broken |= !put(p, line) || !flush(p) || !waiting(p);
	if (waiting(p))
		p->owner.output(p->owner.arg);
}

static void send_events(struct peer *p)
{
	char lines[STREAM_MAX];
	size_t n;

	if (!p->watcher.events || p->broken)
		return;
	if (events_overtaken(&p->watcher)) {
		cut_off(p);
		return;
	}
	if (waiting(p))
		return;
	n = events_take(&p->watcher, lines, sizeof(lines));
	if (n > 0)
		p->broken = !put(p, lines) || !flush(p);
}

/* --- whose turn it is ----------------------------------------------------------------------------- */

static int queue_up(struct peer *p)
{
	int64_t priority = (p->who.cred.uid ? PRIORITY_OTHERS : PRIORITY_ROOT) + (p->asked ? PRIORITY_AGAIN : 0);
	int r = sd_event_source_set_priority(p->source, priority);

	return r < 0 ? r : sd_event_source_set_priority(p->more, priority);
}

static void has_asked(struct peer *p)
{
	if (p->asked)
		return;
	p->asked = true;
	(void)queue_up(p); /* else it stays as it was */
}

/* --- requests and answers ------------------------------------------------------------------------ */

/*
 * Called by the reply queue, perhaps from inside a verb or from drain.h's timer: the peer cannot be closed under
 * the feet of on_peer(), so it is marked, and its descriptor is shut down, which wakes on_peer().
 */
static void answer(void *arg, char *line)
{
	struct peer *p = arg;

	if (!p->broken && (!line || !put(p, line) || !flush(p))) {
		p->broken = true;
		shutdown(p->fd, SHUT_RDWR);
	}
	follow(p);
	if (!p->broken)
		wait_for(p);
	if (waiting(p))
		p->owner.output(p->owner.arg);
	free(line);
}

static void refuse(struct peer *p, int64_t id, const struct spec_error *err)
{
	struct reply *reply = reply_new(p->replies, id);

	if (reply)
		reply_error(reply, err);
	else
		p->broken = true;
}

static void carry_out(struct peer *p, const char *line, size_t len)
{
	struct proto_request req = { 0 };
	struct spec_error err = { 0 };
	struct reply *reply;

	p->active_ns = clock_now_ns();
	if (proto_parse_request(line, len, &req, &err) < 0) {
		refuse(p, req.id, &err);
		return;
	}
	reply = reply_new(p->replies, req.id);
	if (reply) {
		doing_begin(req.verb, p->who.cred.pid);
		verbs_run(p->daemon, req.verb, req.args, p->who.may_change, reply);
		doing_end();
	} else {
		p->broken = true;
	}
	proto_request_free(&req);
}

/* Carry out the first whole line, if there is one; keep the rest. */
static void take_request(struct peer *p)
{
	size_t len = whole_line(p);

	if (len) {
		has_asked(p);
		carry_out(p, p->in, len - 1);
		memmove(p->in, p->in + len, p->in_len - len);
		p->in_len -= len;
		p->in_looked = 0;
		/* A peer may not pile up answers behind one that waits. */
		p->broken |= reply_held(p->replies) > OUTPUT_MAX;
	} else if (p->in_len >= PROTO_LINE_MAX) {
		refuse(p, 0, &(struct spec_error){ .text = "request is longer than 1 MiB" });
		p->broken = true;
	}
}

static bool grow(struct peer *p)
{
	size_t size = p->in_size ? 2 * p->in_size : 4096;
	char *bigger;

	if (p->in_len < p->in_size)
		return true;
	bigger = realloc(p->in, size);
	if (!bigger)
		return false;
	p->in = bigger;
	p->in_size = size;
	return true;
}

/* False: the peer is broken. */
static bool receive(struct peer *p)
{
	ssize_t n;

	if (!grow(p))
		return false;
	n = recv(p->fd, p->in + p->in_len, p->in_size - p->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->in_len += (size_t)n;
	p->ended = n == 0;
	return true;
}

/* It sends no more, and has got all that it asked for; or it is gone altogether. */
static bool is_over(const struct peer *p, uint32_t revents)
{
	bool owes = waiting(p) || reply_pending(p->replies) || p->watcher.events;

	return p->ended && ((revents & (EPOLLHUP | EPOLLERR)) || !owes);
}

static void finish(struct peer *p, uint32_t revents)
{
	if (p->broken || (is_over(p, revents) && !whole_line(p)))
		p->owner.over(p, p->owner.arg);
	else
		wait_for(p);
}

/* revents: of epoll(7); 0: none. */
static void step(struct peer *p, uint32_t revents)
{
	if (!p->broken && waiting(p))
		p->broken = !flush(p);
	if (!p->broken && waiting(p) <= OUTPUT_PAUSE) {
		if (!p->ended && !whole_line(p))
			p->broken = !receive(p);
		if (!p->broken)
			take_request(p);
	}
	send_events(p);
	finish(p, revents);
}

static int on_peer(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	(void)s, (void)fd;
	step(arg, revents);
	return 0;
}

static int on_more(sd_event_source *s, void *arg)
{
	(void)s;
	step(arg, 0);
	return 0;
}

static int add_sources(struct peer *p)
{
	int r = sd_event_add_io(p->daemon->event, &p->source, p->fd, EPOLLIN, on_peer, p);

	if (r >= 0)
		r = sd_event_add_defer(p->daemon->event, &p->more, on_more, p);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->more, SD_EVENT_OFF);
	return r < 0 ? r : queue_up(p);
}

struct peer *peer_open(struct daemon *d, int fd, const struct peer_caller *who, const struct peer_owner *owner)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p) {
		close(fd);
		return NULL;
	}
	*p = (struct peer){ .daemon = d, .owner = *owner, .fd = fd, .who = *who, .active_ns = clock_now_ns() };
	p->replies = reply_queue_new(answer, p);
	if (!p->replies || add_sources(p) < 0) {
		peer_close(p, NULL);
		return NULL;
	}
	return p;
}

void peer_close(struct peer *p, const char *why)
{
	if (why && !waiting(p)) {
		struct spec_error err = { 0 };
		_cleanup_free_ char *line = NULL;

		strncat(err.text, why, sizeof(err.text) - 1);
		line = proto_error_line(0, &err);
		if (line)
			(void)!send(p->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	events_leave(&p->watcher);
	sd_event_source_disable_unref(p->source);
	sd_event_source_disable_unref(p->more);
	close(p->fd);
	free(p->in);
	free(p->out);
	reply_queue_close(p->replies);
	free(p);
}

pid_t peer_pid(const struct peer *p)
{
	return p->who.cred.pid;
}

uid_t peer_uid(const struct peer *p)
{
	return p->who.cred.uid;
}

uint64_t peer_active_ns(const struct peer *p)
{
	return p->active_ns;
}

bool peer_waits(const struct peer *p)
{
	return !waiting(p) && reply_pending(p->replies);
}

void peer_heard(struct peer *p)
{
	if (!p->watcher.events)
		return;
	if (events_overtaken(&p->watcher))
		cut_off(p);
	finish(p, 0);
}

bool peer_has_output(const struct peer *p)
{
	return waiting(p) > (p->watcher.events ? STREAM_MAX : 0);
}

bool peer_is_slow(const struct peer *p, uint64_t now_ns)
{
	return peer_has_output(p) && now_ns > p->active_ns + PEER_SLOW_NS;
}
