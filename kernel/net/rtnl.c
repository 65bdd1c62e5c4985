/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of Operation
 *
 * rtnetlink carries out requests inside sendmsg(2): when it returns, every request of the datagram
 * has been done or refused, in order, and the answers lie in the socket's receive queue
 * (net/netlink/af_netlink.c, netlink_rcv_skb()). A refused request is always answered; one that
 * went well only if it carries NLM_F_ACK. So a batch is sent as datagrams ("chunks") of many
 * requests, of which the last alone asks for an acknowledgement: its answer ends the chunk,
 * whatever it says.
 *
 * Two limits shape a chunk. A datagram must fit the send buffer, which SO_SNDBUFFORCE raises. And
 * the answers must fit the receive buffer, or the kernel drops them: each costs a socket buffer of
 * its own, about ANSWER_TRUESIZE bytes, and all requests of a chunk might fail; hence
 * CHUNK_REQUESTS.
 *
 * Requests are numbered at the time of sending: number - first number is the index of the tag.
 *
 * Answers to requests of earlier, broken-off exchanges are told by their number and passed over.
 */
#include "rtnl.h"

#include "attr.h"
#include "base/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define CHUNK_BYTES (128U * 1024)
#define CHUNK_REQUESTS 1024U
#define SNDBUF_BYTES (256 * 1024) /* a chunk, and the kernel's bookkeeping for it */
/* sizeof(struct sk_buff) + struct skb_shared_info + header, error and text, rounded up by the allocator */
#define ANSWER_TRUESIZE 2048U
#define RCVBUF_BYTES ((int)(2 * CHUNK_REQUESTS * ANSWER_TRUESIZE))
/* A dump fills at most 32 KiB at once: netlink_recvmsg() remembers the reader's size up to that. */
#define RX_BYTES (64U * 1024)
#define BATCH_KEEP_BYTES (256U * 1024) /* a larger buffer is given back after the batch */
#define DUMP_TRIES 32
#define EVENTS_AT_ONCE 1024 /* datagrams read by one rtnl_events_read() */
/* The kernel answers before sendmsg() returns; this only turns a lost answer into an error. */
#define ANSWER_TIMEOUT_S 5

struct rtnl {
	struct mnl_socket *nl;
	int fd;
	uint32_t seq; /* of the next request */

	/* The batch. The last request is open (its length not final) until the next call. */
	char *batch;
	size_t batch_size, batch_used; /* bytes; without the open request */
	bool open;
	uint64_t *tags;
	size_t n, tags_size;

	char rx[RX_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

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

static int open_socket(struct rtnl **ret, unsigned int groups)
{
	_cleanup_(rtnl_closep) struct rtnl *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->seq = 1;
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl)
		return -errno;
	r->fd = mnl_socket_get_fd(r->nl);
	set_buffer(r->fd, SO_SNDBUFFORCE, SO_SNDBUF, SNDBUF_BYTES);
	set_buffer(r->fd, SO_RCVBUFFORCE, SO_RCVBUF, RCVBUF_BYTES);
	set_option(r->fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(r->fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	if (mnl_socket_bind(r->nl, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	*ret = TAKE_PTR(r);
	return 0;
}

int rtnl_open(struct rtnl **ret)
{
	static const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct rtnl *r;
	int err = open_socket(&r, 0);

	if (err < 0)
		return err;
	(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	*ret = r;
	return 0;
}

struct rtnl *rtnl_close(struct rtnl *r)
{
	if (!r)
		return NULL;
	if (r->nl)
		mnl_socket_close(r->nl);
	free(r->batch);
	free(r->tags);
	free(r);
	return NULL;
}

void rtnl_closep(struct rtnl **r)
{
	*r = rtnl_close(*r);
}

int rtnl_fd(const struct rtnl *r)
{
	return r->fd;
}

/* --- the batch ------------------------------------------------------------------------------- */

static void seal(struct rtnl *r)
{
	const struct nlmsghdr *nlh = (const void *)(r->batch + r->batch_used);

	if (!r->open)
		return;
	r->batch_used += NLMSG_ALIGN(nlh->nlmsg_len);
	r->open = false;
}

static int reserve(struct rtnl *r)
{
	if (r->batch_size - r->batch_used < RTNL_MSG_MAX) {
		size_t size = r->batch_size ? 2 * r->batch_size : 16U * RTNL_MSG_MAX;
		char *p = realloc(r->batch, size);

		if (!p)
			return -ENOMEM;
		r->batch = p;
		r->batch_size = size;
	}
	if (r->n == r->tags_size) {
		size_t size = r->tags_size ? 2 * r->tags_size : 64;
		uint64_t *p = reallocarray(r->tags, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		r->tags = p;
		r->tags_size = size;
	}
	return 0;
}

static struct nlmsghdr *put_header(void *buf, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, hdr_size), hdr, hdr_size);
	return nlh;
}

struct nlmsghdr *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, const void *hdr,
			  size_t hdr_size, uint64_t tag)
{
	seal(r);
	if (reserve(r) < 0)
		return NULL;
	r->tags[r->n++] = tag;
	r->open = true;
	return put_header(r->batch + r->batch_used, type, flags, hdr, hdr_size);
}

size_t rtnl_pending(const struct rtnl *r)
{
	return r->n;
}

void rtnl_discard(struct rtnl *r)
{
	r->batch_used = 0;
	r->n = 0;
	r->open = false;
	if (r->batch_size <= BATCH_KEEP_BYTES)
		return;
	free(r->batch);
	r->batch = NULL;
	r->batch_size = 0;
	free(r->tags);
	r->tags = NULL;
	r->tags_size = 0;
}

/* --- sending and receiving --------------------------------------------------------------------- */

static int send_all(struct rtnl *r, const void *data, size_t size)
{
	ssize_t n;

	do
		n = mnl_socket_sendto(r->nl, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* One datagram of the kernel's into r->rx. Its length, 0 to pass it over, or negative errno. */
static ssize_t receive(struct rtnl *r, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { r->rx, sizeof(r->rx) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do
		n = recvmsg(r->fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return from.nl_pid == 0 ? n : 0;
}

/* The same where an answer is due. */
static ssize_t receive_answer(struct rtnl *r)
{
	ssize_t n = receive(r, 0);

	return n == -EAGAIN ? -ETIMEDOUT : n;
}

/* The error that an NLMSG_ERROR or NLMSG_DONE carries; 0 is an acknowledgement. */
static int message_error(const struct nlmsghdr *nlh)
{
	int error = 0; /* both start with an int; NLMSG_DONE may be empty */

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	return error;
}

static void extended_ack(const struct nlmsghdr *nlh, char *text, size_t size)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MSG + 1];
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*e);

	text[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += e->msg.nlmsg_len - sizeof(e->msg);
	if (offset > mnl_nlmsg_get_payload_len(nlh))
		return;
	attr_table(nlh, offset, tb, NLMSGERR_ATTR_MSG);
	attr_str(tb[NLMSGERR_ATTR_MSG], text, size);
}

struct commit {
	uint32_t first; /* number of the batch's first request */
	struct rtnl_failure *fail;
	size_t max, n_fail;
};

static void note_failure(const struct rtnl *r, struct commit *c, const struct nlmsghdr *nlh, int error)
{
	if (c->n_fail < c->max) {
		struct rtnl_failure *f = &c->fail[c->n_fail];

		f->tag = r->tags[nlh->nlmsg_seq - c->first];
		f->error = error;
		extended_ack(nlh, f->text, sizeof(f->text));
	}
	c->n_fail++;
}

/* Read the answers to a chunk, up to the one to request last. */
static int read_answers(struct rtnl *r, struct commit *c, uint32_t last)
{
	for (;;) {
		const struct nlmsghdr *nlh = (const void *)r->rx;
		ssize_t n = receive_answer(r);
		int len = (int)n;

		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			int error;

			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq - c->first > last - c->first)
				continue;
			error = message_error(nlh);
			if (error < 0)
				note_failure(r, c, nlh, error);
			if (nlh->nlmsg_seq == last)
				return 0;
		}
	}
}

/* Number the requests from offset on that fit a chunk; returns its size in bytes. */
static size_t number_chunk(struct rtnl *r, size_t offset, uint32_t *seq)
{
	struct nlmsghdr *nlh = NULL;
	size_t size = 0;

	for (size_t n = 0; offset + size < r->batch_used && n < CHUNK_REQUESTS; n++) {
		struct nlmsghdr *next = (void *)(r->batch + offset + size);
		size_t len = NLMSG_ALIGN(next->nlmsg_len);

		if (nlh && size + len > CHUNK_BYTES)
			break;
		nlh = next;
		nlh->nlmsg_seq = (*seq)++;
		size += len;
	}
	nlh->nlmsg_flags |= NLM_F_ACK;
	return size;
}

int rtnl_commit(struct rtnl *r, struct rtnl_failure *fail, size_t max)
{
	struct commit c = { .first = r->seq, .fail = fail, .max = max };
	size_t offset = 0;
	int err = 0;

	seal(r);
	while (err == 0 && offset < r->batch_used) {
		size_t size = number_chunk(r, offset, &r->seq);

		err = send_all(r, r->batch + offset, size);
		if (err == 0)
			err = read_answers(r, &c, r->seq - 1);
		offset += size;
	}
	rtnl_discard(r);
	return err < 0 ? err : (int)c.n_fail;
}

/* --- dumps ------------------------------------------------------------------------------------- */

struct query {
	uint32_t seq;
	rtnl_cb cb;
	void *arg;
	int err;       /* the callback's; the rest of the dump is still to be read off the socket */
	bool done;
	bool inconsistent;
};

static void query_message(struct query *q, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != q->seq)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		q->inconsistent = true;
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		int error = message_error(nlh);

		q->done = true;
		if (q->err == 0)
			q->err = error;
	} else if (q->err == 0) {
		q->err = q->cb(nlh, q->arg);
		if (q->err > 0)
			q->err = 0;
	}
}

static int query(struct rtnl *r, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_size,
		 struct query *q)
{
	char buf[RTNL_MSG_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	int err;

	if (hdr_size > sizeof(buf) - NLMSG_HDRLEN)
		return -EMSGSIZE;
	nlh = put_header(buf, type, flags, hdr, hdr_size);
	q->seq = nlh->nlmsg_seq = r->seq++;
	err = send_all(r, buf, nlh->nlmsg_len);
	if (err < 0)
		return err;
	while (!q->done) {
		const struct nlmsghdr *m = (const void *)r->rx;
		ssize_t n = receive_answer(r);

		if (n < 0)
			return (int)n;
		for (int len = (int)n; mnl_nlmsg_ok(m, len) && !q->done; m = mnl_nlmsg_next(m, &len))
			query_message(q, m);
	}
	return q->err;
}

int rtnl_dump(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct query q = { .cb = cb, .arg = arg };
		int err = cb(NULL, arg);

		if (err >= 0)
			err = query(r, type, NLM_F_DUMP, hdr, hdr_size, &q);
		if (err < 0 || !q.inconsistent)
			return err < 0 ? err : 0;
	}
	return -EAGAIN;
}

int rtnl_get(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	struct query q = { .cb = cb, .arg = arg };

	return query(r, type, NLM_F_ACK, hdr, hdr_size, &q);
}

/* --- events ------------------------------------------------------------------------------------ */

#define GROUP(g) (1U << ((g)-1))

int rtnl_events_open(struct rtnl **ret, bool tc)
{
	return open_socket(ret, GROUP(RTNLGRP_LINK) | (tc ? GROUP(RTNLGRP_TC) : 0));
}

int rtnl_events_read(struct rtnl *r, rtnl_cb cb, void *arg)
{
	bool lost = false;

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		const struct nlmsghdr *nlh = (const void *)r->rx;
		ssize_t n = receive(r, MSG_DONTWAIT);

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
