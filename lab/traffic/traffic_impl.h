/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of a traffic share. Inside traffic*.c only. */

#include "lab/net/topo.h"
#include "lab/proc/lines.h"
#include "lab/vm/vm.h"
#include "traffic_types.h"
#include "video.h"

struct video_receiver;

struct traffic {
	struct traffic_config config;
	const struct topo_vm *at;
	struct vm *vm;
	unsigned port;
	pid_t server; /* 0: none */
	struct lines server_says;
	char last[160]; /* last line of the server */
	struct vm_cmd *client;
	size_t client_seen; /* lines of the client that were read */
	unsigned attempts; /* so far: the time for one grows */
	uint64_t attempt_ns;
	uint64_t echoes_before, rcvbuf_before;
	bool under_way, stopped;
	double until; /* seconds into the test that intervals cover */
	struct traffic_result r;
	struct traffic_interval *intervals;
	struct traffic_rtt *rtts;
	int64_t lost;
	struct video_receiver *video; /* NULL: none */
};

/* traffic_server.c */
/* A line that the receiver's program printed, at the host's time now. */
void traffic_reported(struct traffic *t, const char *line, uint64_t now);
/* The iperf of this traffic's kind. 0 or negative errno with a text. */
int traffic_server_start(struct traffic *t, struct errtext *e);
/* arg: the struct traffic, whose server it is. As traffic_bound(). */
int traffic_server_listening(void *arg);
/* Whether a process's port is bound in its namespace, "tcp" or "udp". 1; 0: not yet; -EPIPE: the process ended. */
int traffic_bound(pid_t pid, const char *netns, const char *protocol, unsigned port);
void traffic_server_stop(struct traffic *t);

/* traffic_video.c */
/*
 * Have the guest fetch player and clip, once, and open the receiver's socket on t->port. 0 or negative errno
 * with a text.
 */
int traffic_video_start(struct traffic *t, struct errtext *e);
/* What a guest runs to play to t->port. 0 or negative errno. */
int traffic_video_play(struct traffic *t);
/* Close the socket; what was recorded stays. */
void traffic_video_stop(struct traffic *t);
/* Forget what was recorded, for another attempt or for good. */
void traffic_video_free(struct traffic *t);
