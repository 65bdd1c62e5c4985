// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "crowd.h"
#include "daemon/state/events.h"
#include "kernel/proc/acl.h"
#include "peer.h"
#include "proto/doing.h"
#include "proto/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PEERS_MAX (2 * CROWD_MAX)
/* Connections that wait to be taken: as many as the kernel allows (net.core.somaxconn), and so many at once. */
#define BACKLOG 4096
#define ACCEPT_AT_ONCE 64
#define SECOND_US 1000000
#define COMPLAINT_NS (60 * NSEC_PER_SEC)

struct control {
	struct daemon *daemon;
	int fd;
	int spare; /* given up for a connection when no descriptor is left; -1: it is given up */
	sd_event_source *source;
	sd_event_source *slow_timer;  /* on while answers wait for peers to take them */
	sd_event_source *pause_timer; /* on while no connection can be taken */
	sd_event_source *heard;       /* on while there are events that peers have not been told of */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	gid_t gid, read_gid; /* of those who may do all, and of those who may ask; -1: no group */
	struct peer *peers[PEERS_MAX];
	size_t n_peers;
	uint64_t complaint_ns; /* when the log said that descriptors are out; 0: never */
};

/* --- who leaves ---------------------------------------------------------------------------------- */

static int spare_descriptor(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void let_go(struct control *c, size_t i, const char *why)
{
	peer_close(c->peers[i], why);
	c->peers[i] = c->peers[--c->n_peers];
	if (c->spare < 0)
		c->spare = spare_descriptor();
}

static void on_over(struct peer *p, void *arg)
{
	struct control *c = arg;

	for (size_t i = 0; i < c->n_peers; i++)
		if (c->peers[i] == p) {
			let_go(c, i, NULL);
			return;
		}
}

static size_t crowd_of(const struct control *c, struct crowd_member out[PEERS_MAX])
{
	for (size_t i = 0; i < c->n_peers; i++)
		out[i] = (struct crowd_member){ .uid = peer_uid(c->peers[i]),
						.active_ns = peer_active_ns(c->peers[i]),
						.waits = peer_waits(c->peers[i]) };
	return c->n_peers;
}

/* For a newcomer of user uid. */
static void make_room(struct control *c, uid_t uid)
{
	struct crowd_member crowd[PEERS_MAX];
	size_t n = crowd_of(c, crowd);
	/* The spare descriptor is given up only while there is no other. */
	ssize_t i = c->spare < 0 ? crowd_leaves_any(crowd, n, uid) : crowd_leaves(crowd, n, uid);

	if (i >= 0)
		let_go(c, (size_t)i, "divvyd has closed this connection, which was idle, for others: connect again");
}

static int on_slow(sd_event_source *s, uint64_t usec, void *arg)
{
	struct control *c = arg;
	uint64_t now = clock_now_ns();
	bool again = false;

	(void)usec;
	for (size_t i = c->n_peers; i-- > 0;) {
		if (peer_is_slow(c->peers[i], now)) {
			log_notice("control: process %d takes no answers: closed", peer_pid(c->peers[i]));
			let_go(c, i, NULL);
		} else {
			again |= peer_has_output(c->peers[i]);
		}
	}
	sd_event_source_set_time_relative(s, SECOND_US);
	sd_event_source_set_enabled(s, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

static void on_output(void *arg)
{
	struct control *c = arg;
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(c->slow_timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(c->slow_timer, SECOND_US);
	sd_event_source_set_enabled(c->slow_timer, SD_EVENT_ONESHOT);
}

/* --- events ------------------------------------------------------------------------------------------ */

static void on_event(void *arg)
{
	struct control *c = arg;

	sd_event_source_set_enabled(c->heard, SD_EVENT_ONESHOT);
}

static int on_heard(sd_event_source *s, void *arg)
{
	struct control *c = arg;

	(void)s;
	for (size_t i = c->n_peers; i-- > 0;)
		peer_heard(c->peers[i]);
	return 0;
}

/* --- who comes ----------------------------------------------------------------------------------- */

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

static bool is_allowed(const struct control *c, int fd, struct peer_caller *who)
{
	who->may_change = who->cred.uid == 0 || who->cred.uid == geteuid() || in_group(fd, who->cred.gid, c->gid);
	if (who->may_change || in_group(fd, who->cred.gid, c->read_gid))
		return true;
	log_warning("control: refused process %d of user %u", who->cred.pid, who->cred.uid);
	return false;
}

/* fd: taken. */
static void welcome(struct control *c, int fd)
{
	static const char refusal[] =
		"{\"version\":1,\"id\":0,\"ok\":false,\"error\":{\"line\":0,\"column\":0,"
		"\"message\":\"permission denied: be root or in divvyd's group\"}}\n";
	_cleanup_close_ int taken = fd;
	struct peer_caller who = { 0 };
	socklen_t len = sizeof(who.cred);
	struct peer *p;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who.cred, &len) < 0)
		return;
	if (!is_allowed(c, fd, &who)) {
		(void)!send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	if (who.cred.uid == geteuid())
		who.cred.uid = 0;
	make_room(c, who.cred.uid);
	if (c->spare < 0 && who.cred.uid) /* the last descriptor is kept for root */
		return;
	p = peer_open(c->daemon, TAKE_FD(taken), &who, &(struct peer_owner){ on_over, on_output, c });
	if (p)
		c->peers[c->n_peers++] = p;
}

static bool one_waits(const struct control *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/*
 * No descriptor is left, which the kernel says before it looks whether a connection waits. The spare one takes the
 * connection, and an idle peer, if there is one, leaves a new spare. 0; -EAGAIN: no connection waits; another negative
 * errno: try again later.
 */
static int accept_by_spare(struct control *c)
{
	int fd, r;

	if (!one_waits(c))
		return -EAGAIN;
	if (c->spare < 0)
		make_room(c, 0);
	if (c->spare < 0)
		return -EMFILE;
	close(c->spare);
	c->spare = -1;
	fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	r = fd < 0 ? -errno : 0;
	if (fd >= 0)
		welcome(c, fd);
	if (c->spare < 0)
		c->spare = spare_descriptor();
	return r;
}

/* 0: there may be more; -EAGAIN: no connection waits; another negative errno: try again later. */
static int accept_one(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		welcome(c, fd);
	else if (r == -EMFILE || r == -ENFILE)
		r = accept_by_spare(c);
	return r == -EINTR || r == -ECONNABORTED ? 0 : r;
}

static void complain(struct control *c, int err)
{
	uint64_t now = clock_now_ns();

	if (c->complaint_ns && now < c->complaint_ns + COMPLAINT_NS)
		return;
	c->complaint_ns = now;
	log_error("control: cannot take connections: %s; trying again every second", strerror(err));
}

static int on_connect(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct control *c = arg;
	int r = 0;

	(void)fd, (void)revents;
	for (int i = 0; r == 0 && i < ACCEPT_AT_ONCE; i++)
		r = accept_one(c);
	if (r == 0 || r == -EAGAIN)
		return 0;
	/* The connection stays, and would wake divvyd again at once. */
	complain(c, -r);
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	sd_event_source_set_time_relative(c->pause_timer, SECOND_US);
	sd_event_source_set_enabled(c->pause_timer, SD_EVENT_ONESHOT);
	return 0;
}

static int on_pause(sd_event_source *s, uint64_t usec, void *arg)
{
	struct control *c = arg;

	(void)s, (void)usec;
	sd_event_source_set_enabled(c->source, SD_EVENT_ON);
	return 0;
}

/* --- the socket ---------------------------------------------------------------------------------- */

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

/* A file has one group; a second one needs an access control list. */
static int open_to_groups(const struct control *c)
{
	const gid_t none = (gid_t)-1, first = c->gid != none ? c->gid : c->read_gid;

	if (first != none && (chown(c->path, (uid_t)-1, first) < 0 || chmod(c->path, 0660) < 0))
		return -errno;
	return c->read_gid != none && c->read_gid != first ? acl_share_with(c->path, c->read_gid) : 0;
}

static int listen_at(struct control *c, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	memcpy(c->path, addr.sun_path, sizeof(c->path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	unlink(path);
	/* Only the owner may connect until the groups' rights are set. */
	if (fchmod(c->fd, 0600) < 0 || bind(c->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	r = open_to_groups(c);
	if (r < 0)
		return r;
	return listen(c->fd, BACKLOG) < 0 ? -errno : 0;
}

/* The timers are off until they are needed. */
static int add_sources(struct control *c)
{
	sd_event *e = c->daemon->event;
	int r = sd_event_add_io(e, &c->source, c->fd, EPOLLIN, on_connect, c);

	if (r >= 0)
		r = sd_event_add_time_relative(e, &c->slow_timer, CLOCK_MONOTONIC, 0, 0, on_slow, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->slow_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(e, &c->pause_timer, CLOCK_MONOTONIC, 0, 0, on_pause, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->pause_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(e, &c->heard, on_heard, c);
	return r < 0 ? r : sd_event_source_set_enabled(c->heard, SD_EVENT_OFF);
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
	c->spare = spare_descriptor();
	d->events = events_new(on_event, c);
	if (!d->events) {
		control_close(c);
		return -ENOMEM;
	}
	event_listen(events_add, d->events);
	r = resolve_group(d->options.group, &c->gid, errtext, size);
	if (r >= 0)
		r = resolve_group(d->options.read_group, &c->read_gid, errtext, size);
	if (r < 0) {
		control_close(c);
		return r;
	}
	snprintf(path, sizeof(path), "%s/divvy.sock", d->options.runtime);
	r = listen_at(c, d->options.socket ? d->options.socket : path);
	if (r >= 0)
		r = doing_open(c->path);
	if (r >= 0)
		r = add_sources(c);
	if (r < 0) {
		snprintf(errtext, size, "cannot listen on %s: %s%s",
			 d->options.socket ? d->options.socket : path, strerror(-r),
			 r == -EOPNOTSUPP ? ": this file system cannot give a file to two groups (--group, --read-group)" : "");
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
	while (c->n_peers)
		let_go(c, c->n_peers - 1, NULL);
	sd_event_source_disable_unref(c->source);
	sd_event_source_disable_unref(c->slow_timer);
	sd_event_source_disable_unref(c->pause_timer);
	sd_event_source_disable_unref(c->heard);
	event_listen(NULL, NULL);
	c->daemon->events = events_free(c->daemon->events);
	closep(&c->spare);
	doing_close();
	if (c->fd >= 0) {
		close(c->fd);
		unlink(c->path);
	}
	free(c);
	return NULL;
}
