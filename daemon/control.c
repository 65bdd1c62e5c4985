// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "proto/proto.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 64
/* A peer that does not read its answers is cut off when more than the largest of them waits. */
#define OUTPUT_MAX PROTO_ANSWER_MAX

struct client {
	struct control *control;
	struct client *next;
	int fd;
	sd_event_source *source;
	char *in; /* grows up to PROTO_LINE_MAX */
	size_t in_len, in_size;
	char *out;
	size_t out_len, out_sent;
	struct reply_queue *replies;
	bool broken; /* to be closed as soon as no function works on it */
};

struct control {
	struct daemon *daemon;
	int fd;
	sd_event_source *source;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	gid_t gid; /* -1: no group */
	struct client *clients;
	size_t n_clients;
};

static void client_close(struct client *c)
{
	struct client **at = &c->control->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->control->n_clients--;
	sd_event_source_disable_unref(c->source);
	close(c->fd);
	free(c->in);
	free(c->out);
	reply_queue_close(c->replies);
	free(c);
}

/* Send what the socket takes. False: the client is broken. */
static bool client_flush(struct client *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		c->out_sent += (size_t)n;
	}
	if (c->out_sent == c->out_len)
		c->out_sent = c->out_len = 0;
	sd_event_source_set_io_events(c->source, c->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

/* Append an answer; what the peer has not read yet may not grow beyond OUTPUT_MAX. False: broken. */
static bool client_put(struct client *c, const char *line)
{
	size_t len = strlen(line), waiting = c->out_len - c->out_sent;
	char *bigger;

	if (waiting + len > OUTPUT_MAX)
		return false;
	if (c->out_sent)
		memmove(c->out, c->out + c->out_sent, waiting);
	c->out_len = waiting;
	c->out_sent = 0;
	bigger = realloc(c->out, waiting + len);
	if (!bigger)
		return false;
	c->out = bigger;
	memcpy(c->out + waiting, line, len);
	c->out_len += len;
	return true;
}

/*
 * Called by the reply queue, perhaps from inside a verb or from drain.h's timer: the client cannot be closed
 * under the feet of client_lines(), so it is marked, and its descriptor is shut down, which wakes on_client().
 */
static void client_send(void *arg, char *line)
{
	struct client *c = arg;

	if (!c->broken && (!line || !client_put(c, line) || !client_flush(c))) {
		c->broken = true;
		shutdown(c->fd, SHUT_RDWR);
	}
	free(line);
}

static void refuse(struct client *c, int64_t id, const struct spec_error *err)
{
	struct reply *reply = reply_new(c->replies, id);

	if (reply)
		reply_error(reply, err);
	else
		c->broken = true;
}

static void client_request(struct client *c, const char *line, size_t len)
{
	struct proto_request req = { 0 };
	struct spec_error err = { 0 };
	struct reply *reply;

	if (proto_parse_request(line, len, &req, &err) < 0) {
		refuse(c, req.id, &err);
		return;
	}
	reply = reply_new(c->replies, req.id);
	if (reply)
		verbs_run(c->control->daemon, req.verb, req.args, reply);
	else
		c->broken = true;
	proto_request_free(&req);
}

/* Carry out each whole line; keep the rest. */
static void client_lines(struct client *c)
{
	size_t done = 0;
	char *end;

	while (!c->broken && (end = memchr(c->in + done, '\n', c->in_len - done))) {
		size_t len = (size_t)(end - (c->in + done));

		client_request(c, c->in + done, len);
		done += len + 1;
		/* A peer may not pile up answers behind one that waits. */
		c->broken |= reply_held(c->replies) > OUTPUT_MAX;
	}
	memmove(c->in, c->in + done, c->in_len - done);
	c->in_len -= done;
	if (c->in_len < PROTO_LINE_MAX)
		return;
	refuse(c, 0, &(struct spec_error){ .text = "request is longer than 1 MiB" });
	c->broken = true;
}

static bool client_grow(struct client *c)
{
	size_t size = c->in_size ? 2 * c->in_size : 4096;
	char *bigger;

	if (c->in_len < c->in_size)
		return true;
	bigger = realloc(c->in, size);
	if (!bigger)
		return false;
	c->in = bigger;
	c->in_size = size;
	return true;
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct client *c = arg;
	ssize_t n;

	(void)s;
	if ((revents & EPOLLOUT) && !client_flush(c))
		c->broken = true;
	if (c->broken || !client_grow(c)) {
		client_close(c);
		return 0;
	}
	if (!(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	n = recv(fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0) {
		c->in_len += (size_t)n;
		client_lines(c);
	}
	if (n <= 0 || c->broken)
		client_close(c);
	return 0;
}

static bool in_group(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[1024];
	socklen_t len = sizeof(groups);

	if (wanted == (gid_t)-1)
		return false;
	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static bool peer_allowed(const struct control *c, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || in_group(fd, peer.gid, c->gid))
		return true;
	log_warning("control: refused process %d of user %u", peer.pid, peer.uid);
	return false;
}

static int on_connect(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	static const char refusal[] =
		"{\"version\":1,\"id\":0,\"ok\":false,\"error\":{\"line\":0,\"column\":0,"
		"\"message\":\"permission denied: be root or in divvyd's group\"}}\n";
	struct control *c = arg;
	_cleanup_close_ int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	(void)s, (void)revents;
	if (peer < 0)
		return 0;
	if (!peer_allowed(c, peer)) {
		(void)!send(peer, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		return 0;
	}
	if (c->n_clients >= CLIENTS_MAX || !(client = calloc(1, sizeof(*client))))
		return 0;
	client->control = c;
	client->replies = reply_queue_new(client_send, client);
	client->fd = TAKE_FD(peer);
	if (!client->replies ||
	    sd_event_add_io(c->daemon->event, &client->source, client->fd, EPOLLIN, on_client, client) < 0) {
		reply_queue_close(client->replies);
		close(client->fd);
		free(client);
		return 0;
	}
	client->next = c->clients;
	c->clients = client;
	c->n_clients++;
	return 0;
}

static int resolve_group(const char *name, gid_t *gid, char *errtext, size_t size)
{
	const struct group *g;

	*gid = (gid_t)-1;
	if (!name)
		return 0;
	g = getgrnam(name);
	if (!g) {
		snprintf(errtext, size, "no group \"%s\" on this host (groupadd %s)", name, name);
		return -ENOENT;
	}
	*gid = g->gr_gid;
	return 0;
}

static int listen_at(struct control *c, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	memcpy(c->path, addr.sun_path, sizeof(c->path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	unlink(path);
	/* Nobody but the owner until the group is set. */
	if (fchmod(c->fd, 0600) < 0 || bind(c->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (c->gid != (gid_t)-1 && (chown(path, (uid_t)-1, c->gid) < 0 || chmod(path, 0660) < 0))
		return -errno;
	return listen(c->fd, CLIENTS_MAX) < 0 ? -errno : 0;
}

int control_open(struct daemon *d, struct control **ret, char *errtext, size_t size)
{
	struct control *c = calloc(1, sizeof(*c));
	char path[4096];
	int r;

	if (!c)
		return -ENOMEM;
	c->daemon = d;
	c->fd = -1;
	r = resolve_group(d->options.group, &c->gid, errtext, size);
	if (r < 0) {
		control_close(c);
		return r;
	}
	snprintf(path, sizeof(path), "%s/divvy.sock", d->options.runtime);
	r = listen_at(c, d->options.socket ? d->options.socket : path);
	if (r >= 0)
		r = sd_event_add_io(d->event, &c->source, c->fd, EPOLLIN, on_connect, c);
	if (r < 0) {
		snprintf(errtext, size, "cannot listen on %s: %s",
			 d->options.socket ? d->options.socket : path, strerror(-r));
		control_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct control *control_close(struct control *c)
{
	if (!c)
		return NULL;
	while (c->clients)
		client_close(c->clients);
	sd_event_source_disable_unref(c->source);
	if (c->fd >= 0) {
		close(c->fd);
		unlink(c->path);
	}
	free(c);
	return NULL;
}
