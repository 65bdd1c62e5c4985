/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One connection of the control socket: requests in, one at a time, and answers out.
 *
 * One request is carried out each time that the event loop comes to a peer, so that a peer that sends many holds up
 * neither the other peers nor divvyd. Peers of users other than root come after everything else. Nothing is read
 * from a peer that has not taken its answers; a peer that takes nothing for PEER_SLOW_NS is cut off.
 *
 * Events follow the answer to `watch`. What a peer does not take of them stays with all others' in events.h, so that a
 * peer costs no memory, and may pause for as long as it is not overtaken. Then it is told how many events it has missed,
 * and is cut off.
 */

#include "base/nsec.h"
#include "daemon/state/daemon.h"

#include <sys/socket.h>

#define PEER_SLOW_NS (10 * NSEC_PER_SEC)

struct peer;

struct peer_caller {
	struct ucred cred; /* by SO_PEERCRED; uid 0 for divvyd's own user, too */
	bool may_change;   /* false: it may use the verbs that change nothing */
};

/* Functions of the peer's owner; arg is borrowed. None may open or close a peer but for over(). */
struct peer_owner {
	void (*over)(struct peer *p, void *arg); /* the connection is to be ended: peer_close() */
	void (*output)(void *arg);               /* an answer waits for the peer to take it */
	void *arg;
};

/*
 * fd: connected and nonblocking; taken, also on failure. who and owner are copied. NULL: memory or descriptors are out.
 */
struct peer *peer_open(struct daemon *d, int fd, const struct peer_caller *who, const struct peer_owner *owner);
/* Replies that it waits for are dropped when they come. why: told to the peer first, if it is not NULL. */
void peer_close(struct peer *p, const char *why);

pid_t peer_pid(const struct peer *p);
uid_t peer_uid(const struct peer *p);
/* When it last asked something, or took some of an answer, CLOCK_MONOTONIC. */
uint64_t peer_active_ns(const struct peer *p);
/* True: an answer is owed to it, which it would take. */
bool peer_waits(const struct peer *p);
/* There are new events: send them, if it watches. It may be over when this returns. */
void peer_heard(struct peer *p);
/* True: parts of answers wait for it to take them. Events may wait. */
bool peer_has_output(const struct peer *p);
/* True: it has taken nothing of an answer that waits for it for PEER_SLOW_NS. */
bool peer_is_slow(const struct peer *p, uint64_t now_ns);
