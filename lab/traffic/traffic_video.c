/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A guest has no ffmpeg: with its libraries that would be 300 MB to unpack at each boot, and an encoder under
 * emulation could not keep real time. The clip is made and cut into packets on the host (clip.h); a guest
 * gets it, and a small static player, over TCP from its server, once, before its first stream. List VMs with
 * video first, so that this is over before any VM floods. It is nc that takes it, since busybox's wget, like
 * all static programs, dies where it asks glibc for the number of a service.
 *
 * The receiver is a socket in the server's namespace that the loop reads. The kernel stamps each datagram as
 * it takes it in, and the socket has room for the whole clip several times over, so that it does not matter
 * how soon the loop comes.
 */

#include "traffic_impl.h"

#include "base/cleanup.h"
#include "lab/proc/loop.h"
#include "lab/proc/programs.h"
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FILES_PORT "8080"
/*
 * In the guest. A container sees the host's files, so the clip lies on a mount of its own, which goes with
 * the guest.
 */
#define PLACE "/mnt"
#define LISTEN_NS 5000000000ULL
#define FETCH_MS 60000
#define ROOM (32 << 20)  /* bytes of truesize: 2,304 a datagram, 30 s of the clip */
#define READ_AT_ONCE 512 /* then others have their turn */
#define DATAGRAM_MAX 2048

struct video_receiver {
	int fd; /* -1: closed */
	const struct clip *clip;
	struct video_recording got;
};

/* --- clip and player into the guest --- */

struct files {
	pid_t pid;
	const char *netns;
};

static int is_bound(void *arg)
{
	const struct files *f = arg;

	return traffic_bound(f->pid, f->netns, "tcp", (unsigned)atoi(FILES_PORT));
}

static int fetch(struct traffic *t, const struct clip_files *files, struct errtext *e)
{
	const char *argv[] = { "busybox", "nc", "-l", "-p",       FILES_PORT, "-e",      "busybox",
			       "tar",     "-c", "-C", files->dir, "clip.rtp", "rtpplay", NULL };
	struct spawn s = SPAWN_INIT;
	struct files f = { .netns = t->at->server_netns };
	int r;

	if (vm_run(t->vm, FETCH_MS, NULL, NULL, "[ -e " PLACE "/there ]") == 0)
		return 0;
	s.argv = argv;
	s.netns = t->at->server_netns;
	r = proc_run(NULL, NULL, e, "cp %s %s/rtpplay", program_path("rtpplay"), files->dir);
	if (r == 0)
		r = proc_spawn(&s, &f.pid, e);
	if (r < 0)
		return r;
	r = loop_while(is_bound, &f, clock_now_ns() + LISTEN_NS);
	if (r < 0)
		errtext_set(e, r, "busybox nc does not listen: %s", strerror(-r));
	else
		r = vm_run(t->vm, FETCH_MS, NULL, e,
			   "busybox mkdir -p " PLACE " && busybox mount -t tmpfs video " PLACE " && cd " PLACE
			   " && "
			   "busybox nc -w 20 %s " FILES_PORT " </dev/null | busybox tar -x && echo > there",
			   t->at->server);
	proc_stop(f.pid, SIGTERM, 200, NULL);
	return r;
}

int traffic_video_play(struct traffic *t)
{
	return vm_exec(t->vm, &t->client, "exec " PLACE "/rtpplay " PLACE "/clip.rtp %s %u", t->at->server,
		       t->port);
}

/* --- what comes out --- */

/*
 * SO_TIMESTAMPNS gives CLOCK_REALTIME; both clocks are read here, so that a step in between is not in it for
 * long.
 */
static uint64_t offset_ns(void)
{
	return clock_realtime_ns() - clock_now_ns();
}

static uint64_t stamp_ns(struct msghdr *m, uint64_t offset)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec - offset;
	}
	return clock_now_ns();
}

static void on_datagrams(int fd, void *arg)
{
	struct traffic *t = arg;
	struct video_receiver *v = t->video;
	uint64_t offset = offset_ns();

	for (int i = 0; i < READ_AT_ONCE; i++) {
		char datagram[DATAGRAM_MAX], control[CMSG_SPACE(sizeof(struct timespec)) + 64];
		struct iovec iov = { .iov_base = datagram, .iov_len = sizeof(datagram) };
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t k = recvmsg(fd, &m, MSG_DONTWAIT);

		if (k < 0)
			return;
		/* Without memory the packet counts as lost, and the lab ends soon anyway. */
		if (video_record(&v->got, v->clip, datagram, (size_t)k, stamp_ns(&m, offset)) == 0)
			t->under_way = true;
	}
}

static int open_socket(const struct traffic *t, int *ret, struct errtext *e)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)t->port) };
	const int room = ROOM, on = 1;
	_cleanup_close_ int fd = -1;
	int back, r = netns_enter(t->at->server_netns, &back);

	if (r < 0)
		return errtext_set(e, r, "no network namespace %s", t->at->server_netns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : 0;
	netns_leave(back);
	if (r == 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		       setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
		       bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0))
		r = -errno;
	if (r < 0)
		return errtext_set(e, r, "the receiver of the video of %s: %s", vm_name(t->vm), strerror(-r));
	*ret = TAKE_FD(fd);
	return 0;
}

int traffic_video_start(struct traffic *t, struct errtext *e)
{
	const struct clip_files *files;
	const struct clip *clip;
	int r = clip_get(&clip, &files, e);

	if (r == 0)
		r = fetch(t, files, e);
	if (r < 0)
		return r;
	if (!t->video)
		t->video = calloc(1, sizeof(*t->video));
	if (!t->video)
		return errtext_set(e, -ENOMEM, "out of memory");
	video_recording_free(&t->video->got);
	t->video->clip = clip;
	r = open_socket(t, &t->video->fd, e);
	if (r < 0) {
		t->video->fd = -1;
		return r;
	}
	r = loop_add(t->video->fd, on_datagrams, t);
	return r < 0 ? errtext_set(e, r, "cannot watch a socket: %s", strerror(-r)) : 0;
}

void traffic_video_stop(struct traffic *t)
{
	if (!t->video || t->video->fd < 0)
		return;
	on_datagrams(t->video->fd, t); /* what is left */
	loop_del(t->video->fd);
	close(TAKE_FD(t->video->fd));
	t->video->got.ended_ns = clock_now_ns();
	snprintf(t->video->got.player, sizeof(t->video->got.player), "%.99s", t->last);
}

bool traffic_take_video(struct traffic *t, struct video_recording *out)
{
	if (!t->video || t->video->fd >= 0 || !t->video->got.n)
		return false;
	*out = t->video->got;
	t->video->got = (struct video_recording){};
	return true;
}

void traffic_video_free(struct traffic *t)
{
	if (!t->video)
		return;
	traffic_video_stop(t);
	video_recording_free(&t->video->got);
	free(t->video);
	t->video = NULL;
}
