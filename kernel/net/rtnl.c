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
 */
#include "rtnl.h"

#include "attr.h"
#include "nlsock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>

#define CHUNK_BYTES (128U * 1024)
#define CHUNK_REQUESTS 1024U
/* sizeof(struct sk_buff) + struct skb_shared_info + header, error and text, rounded up by the allocator */
#define ANSWER_TRUESIZE 2048U
_Static_assert(2 * CHUNK_REQUESTS * ANSWER_TRUESIZE <= NLSOCK_RCVBUF_BYTES, "a chunk's answers");
_Static_assert(2 * CHUNK_BYTES <= NLSOCK_SNDBUF_BYTES, "a chunk, and the kernel's bookkeeping for it");
#define BATCH_KEEP_BYTES (256U * 1024) /* a larger buffer is given back after the batch */

struct rtnl {
	/* The batch. The last request is open (its length not final) until the next call. */
	char *batch;
	size_t batch_size, batch_used; /* bytes; without the open request */
	bool open;
	uint64_t *tags;
	size_t n, tags_size;

	struct nlsock sock; /* the last member: its buffer is large */
};

static int open_socket(struct rtnl **ret, uint32_t groups)
{
	_cleanup_free_ struct rtnl *r = calloc(1, sizeof(*r));
	int err = r ? nlsock_open(&r->sock, NETLINK_ROUTE, groups) : -ENOMEM;

	if (err == 0)
		*ret = TAKE_PTR(r);
	return err;
}

int rtnl_open(struct rtnl **ret)
{
	return open_socket(ret, 0);
}

struct rtnl *rtnl_close(struct rtnl *r)
{
	if (!r)
		return NULL;
	nlsock_close(&r->sock);
	free(r->batch);
	free(r->tags);
	free(r);
	return NULL;
}

void rtnl_closep(struct rtnl **r)
{
	*r = rtnl_close(*r);
}

uint32_t rtnl_port(const struct rtnl *r)
{
	struct sockaddr_nl own = { 0 };
	socklen_t len = sizeof(own);

	return getsockname(r->sock.fd, (struct sockaddr *)&own, &len) < 0 ? 0 : own.nl_pid;
}

int rtnl_fd(const struct rtnl *r)
{
	return r->sock.fd;
}

uint64_t rtnl_messages_sent(const struct rtnl *r)
{
	return r->sock.sent;
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

struct nlmsghdr *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, const void *hdr,
			  size_t hdr_size, uint64_t tag)
{
	seal(r);
	if (reserve(r) < 0)
		return NULL;
	r->tags[r->n++] = tag;
	r->open = true;
	return nlsock_put(r->batch + r->batch_used, type, flags, hdr, hdr_size);
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

/* --- sending a batch ---------------------------------------------------------------------------- */

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
		const struct nlmsghdr *nlh = (const void *)r->sock.rx;
		ssize_t n = nlsock_answer(&r->sock);
		int len = (int)n;

		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			int error;

			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq - c->first > last - c->first)
				continue;
			error = nlsock_error(nlh);
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
	struct commit c = { .first = r->sock.seq, .fail = fail, .max = max };
	size_t offset = 0;
	int err = 0;

	seal(r);
	while (err == 0 && offset < r->batch_used) {
		uint32_t first = r->sock.seq;
		size_t size = number_chunk(r, offset, &r->sock.seq);

		err = nlsock_send(&r->sock, r->batch + offset, size, r->sock.seq - first);
		if (err == 0)
			err = read_answers(r, &c, r->sock.seq - 1);
		offset += size;
	}
	rtnl_discard(r);
	return err < 0 ? err : (int)c.n_fail;
}

/* --- questions and events ------------------------------------------------------------------------- */

int rtnl_dump(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	return nlsock_dump(&r->sock, type, hdr, hdr_size, cb, arg);
}

int rtnl_get(struct rtnl *r, uint16_t type, const void *hdr, size_t hdr_size, rtnl_cb cb, void *arg)
{
	return nlsock_get(&r->sock, type, hdr, hdr_size, cb, arg);
}

#define GROUP(g) (1U << ((g)-1))

int rtnl_events_open(struct rtnl **ret, bool tc)
{
	return open_socket(ret, GROUP(RTNLGRP_LINK) | (tc ? GROUP(RTNLGRP_TC) : 0));
}

int rtnl_events_skip_own(struct rtnl *events, uint32_t port)
{
	/*
	 * Loads are in network order, fields of the header (struct nlmsghdr) in the host's. Types are below 256: on both
	 * kinds of hosts what is loaded has their order.
	 */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWCHAIN), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELCHAIN), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, htons(RTM_NEWQDISC), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(events->sock.fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ? -errno : 0;
}

bool rtnl_events_wait(const struct rtnl *events)
{
	struct pollfd fd = { .fd = events->sock.fd, .events = POLLIN };

	return poll(&fd, 1, 0) != 0;
}

int rtnl_events_read(struct rtnl *r, rtnl_cb cb, void *arg)
{
	return nlsock_events(r->sock.fd, r->sock.rx, sizeof(r->sock.rx), cb, arg);
}
