/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * rtnetlink: one socket, batches, dumps, events. Requests are appended to a batch, and rtnl_commit() sends
 * them together: the kernel answers only requests that failed, and the last one. The socket belongs to the
 * network namespace that the thread is in when it opens the socket.
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtnl;

/* 0 or negative errno; close with rtnl_close(). */
int rtnl_open(struct rtnl **ret);
struct rtnl *rtnl_close(struct rtnl *r); /* r may be NULL; returns NULL */
void rtnl_closep(struct rtnl **r);

/*
 * Append a request to the batch. flags: NLM_F_* besides NLM_F_REQUEST. hdr: the family's header (struct
 * tcmsg, struct ifinfomsg). tag: the caller's; rtnl_commit() gives it back on failure. Returns the
 * message, borrowed until the next rtnl_*() call, for mnl_attr_put*(): it may grow to RTNL_MSG_MAX bytes.
 * NULL: out of memory.
 */
#define RTNL_MSG_MAX 1024
struct nlmsghdr *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, const void *hdr,
			  size_t hdr_size, uint64_t tag);
/* Number of requests in the batch. */
size_t rtnl_pending(const struct rtnl *r);
/* Forget the batch. */
void rtnl_discard(struct rtnl *r);

struct rtnl_failure {
	uint64_t tag;
	int error;      /* negative errno */
	char text[128]; /* the kernel's extended ack, or "" */
};

/*
 * Send the batch, wait until the kernel has carried it out, and empty it. A request that fails does not stop
 * those behind it. Up to max failures are stored. Returns the number of failures, which may exceed max; or
 * negative errno: the socket failed.
 */
int rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max);

/* Called for a message, borrowed for the call. A negative return ends the reading, which then returns it. */
typedef int (*rtnl_cb)(const struct nlmsghdr *nlh, void *arg);
/*
 * Dump all objects of a type (RTM_GET*). hdr: the family's header, perhaps with attributes behind it. cb is
 * called with NULL at each start, to forget what it has: a dump that the kernel marks as inconsistent is read
 * again. 0; -EAGAIN: it was inconsistent time after time; or negative errno of the socket, the kernel or cb.
 */
int rtnl_dump(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg);
/* Ask for one object (RTM_GET*): cb is called with it. Negative errno as above, or 0. */
int rtnl_get(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg);

/* A socket for events: RTNLGRP_LINK, and RTNLGRP_TC if tc is true. 0 or negative errno. */
int rtnl_events_open(struct rtnl **ret, bool tc);
/*
 * Hear neither of qdiscs, classes and filters that this other socket changes or asks for, by its rtnl_port(), nor of
 * chains: they would wake the reader for nothing. Links are heard of. 0 or negative errno.
 */
int rtnl_events_skip_own(struct rtnl *events, uint32_t port);
/* Whether there are events to be read, or some were lost. True also where that is not known. */
bool rtnl_events_wait(const struct rtnl *events);
/* Requests sent to the kernel since the socket was opened: those of batches, dumps, questions. */
uint64_t rtnl_messages_sent(const struct rtnl *r);

/*
 * The socket's own address: messages of the events' groups carry it where this socket caused them. 0: not
 * known.
 */
uint32_t rtnl_port(const struct rtnl *r);
/* To be polled for reading. Borrowed. */
int rtnl_fd(const struct rtnl *r);
/*
 * Call cb for each event that waits; never blocks. Reads a bounded number: the socket may still be readable
 * then. 0; -ENOBUFS: events were lost, so dump everything again; or negative errno of the socket or cb.
 */
int rtnl_events_read(struct rtnl *r, rtnl_cb cb, void *arg);
