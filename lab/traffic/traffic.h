/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Load from a VM to its server, or from the server to the VM, by stock programs, and what they say about it themselves. Bandwidth is
 * measured at the wire (the meter), not here; here are the losses by sequence number and the round-trip
 * times.
 *
 * Each traffic has a fresh server process in the server's namespace. Results are filled while loop.h waits.
 */

#include "lab/net/topo.h"
#include "lab/vm/vm.h"
#include "traffic_types.h"

/* "udp", "udp2", "tcp", "icmp", "ping", "video"; -EINVAL */
int traffic_kind_from_name(const char *name, enum traffic_kind *ret);
const char *traffic_kind_name(enum traffic_kind kind);
/* Whether the server can be who sends. */
bool traffic_may_receive(enum traffic_kind kind);

struct traffic;
struct video_recording;

/*
 * Start server and client. vm and topo are borrowed until traffic_free(). Several may run on one VM.
 * 0 or negative errno with a text.
 */
int traffic_start(struct traffic **ret, const struct topo *topo, unsigned index, struct vm *vm,
		  const struct traffic_config *c, struct errtext *e);
/*
 * Wait until all are under way: the server has received, the first reply has come. -ETIMEDOUT with a text,
 * -EINTR.
 */
int traffic_wait_running(struct traffic *const *t, size_t n, unsigned timeout_ms, struct errtext *e);
/*
 * Whether the client still sends; false once it ended by itself, which it should not: its last line as
 * text.
 */
bool traffic_running(const struct traffic *t, struct errtext *e);
/*
 * Stop the clients, wait up to 3 s for their last words, stop the servers: the waits overlap. Results stay until
 * traffic_free().
 */
int traffic_stop_all(struct traffic *const *t, size_t n, struct errtext *e);
void traffic_get(struct traffic *t, struct traffic_result *out);
/*
 * Take what was received of a video, after traffic_stop_all(): the caller's to free. False (out untouched): it is
 * none, or nothing came.
 */
bool traffic_take_video(struct traffic *t, struct video_recording *out);
struct traffic *traffic_free(struct traffic *t); /* stops it if need be; returns NULL; NULL is fine */
void traffic_freep(struct traffic **t);
