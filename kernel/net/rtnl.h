/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * rtnetlink: one socket, batches, dumps, events. Requests are appended to a batch and sent
 * together by rtnl_commit(); the kernel answers only for what failed and for the last one.
 * The socket belongs to the network namespace that the thread is in when it is opened.
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtnl;

/* 0 or negative errno; close with rtnl_close(). */
int rtnl_open(struct rtnl **ret);
struct rtnl *rtnl_close(struct rtnl *r); /* NULL is fine; returns NULL */
void rtnl_closep(struct rtnl **r);

/*
 * Append a request to the batch. flags: NLM_F_* besides NLM_F_REQUEST. hdr is the
 * family header (struct tcmsg, struct ifinfomsg). Attributes are added with mnl_attr_put*()
 * to the returned message, which is borrowed until the next rtnl_*() call; room for
 * RTNL_MSG_MAX bytes is guaranteed. tag: the caller's, given back on failure.
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
 * Send the batch, wait until the kernel has carried out all of it, empty it.
 * Later requests are carried out although an earlier one failed. Up to max failures are stored;
 * returns their number (which may exceed max), 0 if all went well, or negative errno if the socket failed.
 */
int rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max);

/*
 * Dump objects; cb is called for each message (borrowed). A negative return of cb ends the dump and is
 * returned. A dump that the kernel marks inconsistent is read again (the callback's
 * state is reset by calling cb with NULL first, at each start).
 */
typedef int (*rtnl_cb)(const struct nlmsghdr *nlh, void *arg);
int rtnl_dump(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg);
/*
 * Ask for one object (RTM_GET*): cb is called for the answer. 0, the kernel's error, or the
 * callback's. hdr may, here and above, be a family header with attributes behind it.
 */
int rtnl_get(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg);

/*
 * A separate non-blocking socket that hears RTNLGRP_LINK and RTNLGRP_TC (if tc is true).
 * rtnl_events_read() calls cb for each message waiting; returns 0, -ENOBUFS if
 * events were lost (dump everything again), or another negative errno. A negative return
 * of cb ends the reading and is returned. Reads a bounded number: the socket may still be readable.
 */
int rtnl_events_open(struct rtnl **ret, bool tc);
/* Requests sent to the kernel since the socket was opened: those of batches, dumps, questions. */
uint64_t rtnl_messages_sent(const struct rtnl *r);

/* The socket's own address: messages of the events' groups carry it where this socket caused them; 0:
 * not known. */
uint32_t rtnl_port(const struct rtnl *r);
/* Borrowed; to be polled for reading. */
int rtnl_fd(const struct rtnl *r);
int rtnl_events_read(struct rtnl *r, rtnl_cb cb, void *arg);
