/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A netlink socket of any family: one question and its answer, dumps, events. The socket belongs to the
 * network namespace that the thread is in when it opens the socket.
 */

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A dump fills at most 32 KiB at once: netlink_recvmsg() remembers the reader's size up to that. */
#define NLSOCK_RX_BYTES (64U * 1024)
#define NLSOCK_RCVBUF_BYTES (4 * 1024 * 1024)
#define NLSOCK_SNDBUF_BYTES (256 * 1024)
/* The longest question: header, family header, attributes. */
#define NLSOCK_MSG_MAX 1024

struct nlsock {
	int fd;
	uint32_t seq;  /* of the next request */
	uint64_t sent; /* requests since nlsock_open() */
	char rx[NLSOCK_RX_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Called for a message, borrowed for the call. A negative return ends the reading, which then returns it. */
typedef int (*nlsock_cb)(const struct nlmsghdr *nlh, void *arg);

/*
 * A descriptor, the caller's to close, bound to groups: bit g - 1 is group g. family: NETLINK_ROUTE or the
 * like. Or negative errno: -EPROTONOSUPPORT: the kernel has no such family; ...
 */
int nlsock_open_fd(int family, uint32_t groups);
/* The same for questions and dumps, or for events (groups). 0 or negative errno. */
int nlsock_open(struct nlsock *s, int family, uint32_t groups);
void nlsock_close(struct nlsock *s);

/* Fill buf with a header and the family's header; returns the message. The sequence number is still 0. */
struct nlmsghdr *nlsock_put(void *buf, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size);
/* Send one datagram of n requests. 0 or negative errno. */
int nlsock_send(struct nlsock *s, const void *data, size_t size, size_t n);
/*
 * Read one datagram into buf. Its length; 0: it did not come from the kernel, ignore it; -EAGAIN: there is
 * none; -EMSGSIZE: it did not fit; -ENOBUFS: the kernel dropped some; or another negative errno.
 */
ssize_t nlsock_read(int fd, void *buf, size_t size, int flags);
/* The same into s->rx, where an answer is due: -ETIMEDOUT: there was none. */
ssize_t nlsock_answer(struct nlsock *s);
/* What an NLMSG_ERROR or NLMSG_DONE says: 0 or negative errno. */
int nlsock_error(const struct nlmsghdr *nlh);

/*
 * Dump all objects of a type. hdr: the family's header, perhaps with attributes behind it. cb is called with
 * NULL at each start, to forget what it has: a dump that the kernel marks as inconsistent is read again. 0;
 * -EAGAIN: it was inconsistent time after time; or negative errno of the socket, the kernel or cb.
 */
int nlsock_dump(struct nlsock *s, uint16_t type, const void *hdr, size_t hdr_size, nlsock_cb cb, void *arg);
/* Ask for one object. 0, or negative errno of the socket, the kernel or cb. */
int nlsock_get(struct nlsock *s, uint16_t type, const void *hdr, size_t hdr_size, nlsock_cb cb, void *arg);

/*
 * Call cb for each event that waits; never blocks. Reads a bounded number: the socket may still be readable
 * then. 0; -ENOBUFS: events were lost, the rest was read; or negative errno of the socket or cb. buf: room
 * for one datagram.
 */
int nlsock_events(int fd, void *buf, size_t size, nlsock_cb cb, void *arg);
