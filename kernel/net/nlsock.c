// SPDX-License-Identifier: GPL-2.0-or-later
#include "nlsock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define DUMP_TRIES 32
#define EVENTS_AT_ONCE 1024 /* datagrams read by one nlsock_events() */
/* The kernel answers before send() returns; this only turns a lost answer into an error. */
#define ANSWER_TIMEOUT_S 5

static void set_option(int fd, int level, int option, int value)
{
	/* All of these are improvements: texts of errors, shorter answers, larger buffers. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_buffer(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
		set_option(fd, SOL_SOCKET, plain, bytes);
}

int nlsock_open_fd(int family, uint32_t groups)
{
	static const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = groups };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);

	if (fd < 0)
		return -errno;
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, NLSOCK_SNDBUF_BYTES);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, NLSOCK_RCVBUF_BYTES);
	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int nlsock_open(struct nlsock *s, int family, uint32_t groups)
{
	int fd = nlsock_open_fd(family, groups);

	if (fd < 0)
		return fd;
	s->fd = fd;
	s->seq = 1;
	s->sent = 0;
	return 0;
}

void nlsock_close(struct nlsock *s)
{
	closep(&s->fd);
	s->fd = -1;
}

struct nlmsghdr *nlsock_put(void *buf, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, hdr_size), hdr, hdr_size);
	return nlh;
}

/* --- datagrams --------------------------------------------------------------------------------- */

int nlsock_send(struct nlsock *s, const void *data, size_t size, size_t n)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t k;

	do
		k = sendto(s->fd, data, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	s->sent += n;
	return 0;
}

ssize_t nlsock_read(int fd, void *buf, size_t size, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { buf, size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return from.nl_pid == 0 ? n : 0;
}

ssize_t nlsock_answer(struct nlsock *s)
{
	ssize_t n = nlsock_read(s->fd, s->rx, sizeof(s->rx), 0);

	return n == -EAGAIN ? -ETIMEDOUT : n;
}

int nlsock_error(const struct nlmsghdr *nlh)
{
	int error = 0; /* both start with an int; NLMSG_DONE may be empty */

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	return error;
}

/* --- questions --------------------------------------------------------------------------------- */

struct query {
	uint32_t seq;
	nlsock_cb cb;
	void *arg;
	int err;       /* the callback's; the rest of the dump is still to be read off the socket */
	bool done;
	bool inconsistent;
};

static void query_message(struct query *q, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != q->seq) /* the answer to an earlier question that was broken off */
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		q->inconsistent = true;
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		int error = nlsock_error(nlh);

		q->done = true;
		if (q->err == 0)
			q->err = error;
	} else if (q->err == 0) {
		q->err = q->cb(nlh, q->arg);
		if (q->err > 0)
			q->err = 0;
	}
}

static int query(struct nlsock *s, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size,
		 struct query *q)
{
	char buf[NLSOCK_MSG_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	int err;

	if (hdr_size > sizeof(buf) - NLMSG_HDRLEN)
		return -EMSGSIZE;
	nlh = nlsock_put(buf, type, flags, hdr, hdr_size);
	q->seq = nlh->nlmsg_seq = s->seq++;
	err = nlsock_send(s, buf, nlh->nlmsg_len, 1);
	if (err < 0)
		return err;
	while (!q->done) {
		const struct nlmsghdr *m = (const void *)s->rx;
		ssize_t n = nlsock_answer(s);

		if (n < 0)
			return (int)n;
		for (int len = (int)n; mnl_nlmsg_ok(m, len) && !q->done; m = mnl_nlmsg_next(m, &len))
			query_message(q, m);
	}
	return q->err;
}

int nlsock_dump(struct nlsock *s, uint16_t type, const void *hdr, size_t hdr_size, nlsock_cb cb, void *arg)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct query q = { .cb = cb, .arg = arg };
		int err = cb(NULL, arg);

		if (err >= 0)
			err = query(s, type, NLM_F_DUMP, hdr, hdr_size, &q);
		if (err < 0 || !q.inconsistent)
			return err < 0 ? err : 0;
	}
	return -EAGAIN;
}

int nlsock_get(struct nlsock *s, uint16_t type, const void *hdr, size_t hdr_size, nlsock_cb cb, void *arg)
{
	struct query q = { .cb = cb, .arg = arg };

	/* A question for a qdisc, class or filter is answered as an event, and who asks gets it with this flag only. */
	return query(s, type, NLM_F_ACK | NLM_F_ECHO, hdr, hdr_size, &q);
}

/* --- events ------------------------------------------------------------------------------------ */

int nlsock_events(int fd, void *buf, size_t size, nlsock_cb cb, void *arg)
{
	bool lost = false;

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		const struct nlmsghdr *nlh = buf;
		ssize_t n = nlsock_read(fd, buf, size, MSG_DONTWAIT);

		if (n == -EAGAIN)
			break;
		if (n == -ENOBUFS || n == -EMSGSIZE) {
			lost = true;
			continue;
		}
		if (n < 0)
			return (int)n;
		for (int len = (int)n; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			int err = nlh->nlmsg_type < NLMSG_MIN_TYPE ? 0 : cb(nlh, arg);

			if (err < 0)
				return err;
		}
	}
	return lost ? -ENOBUFS : 0;
}
