/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply.h"
#include "proto.h"

#include "base/cleanup.h"

#include <string.h>

struct reply_queue {
	reply_send *send;
	void *arg;
	struct reply *first, **end; /* in the order of the requests; *end is the last one's next */
	size_t n;                   /* replies in the list */
	size_t held;                /* bytes of their lines */
	bool sending;               /* send() is being called: the queue must stay until that returns */
	bool closed;
	bool follows;     /* lines may follow the answer to request follows_id, which is sent */
	int64_t follows_id;
};

struct reply {
	struct reply_queue *queue; /* NULL: closed; then the reply is in no list */
	struct reply *next;
	int64_t id;
	bool done;  /* line is complete */
	bool follow;
	char *line; /* owned; NULL although done: memory was out */
	size_t size;
};

struct reply_queue *reply_queue_new(reply_send *send, void *arg)
{
	struct reply_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->send = send;
	q->arg = arg;
	q->end = &q->first;
	return q;
}

void reply_queue_close(struct reply_queue *q)
{
	struct reply *next;

	if (!q)
		return;
	for (struct reply *r = q->first; r; r = next) {
		next = r->next;
		r->queue = NULL;
		r->next = NULL;
		if (r->done) {
			free(r->line);
			free(r);
		}
	}
	q->first = NULL;
	q->closed = true;
	if (!q->sending)
		free(q);
}

size_t reply_pending(const struct reply_queue *q)
{
	return q->n;
}

size_t reply_held(const struct reply_queue *q)
{
	return q->held;
}

struct reply *reply_new(struct reply_queue *q, int64_t id)
{
	struct reply *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->queue = q;
	r->id = id;
	*q->end = r;
	q->end = &r->next;
	q->n++;
	return r;
}

bool reply_wanted(const struct reply *r)
{
	return r->queue;
}

/* The first reply's line, which leaves the queue. */
static char *take_first(struct reply_queue *q)
{
	struct reply *r = q->first;
	char *line = r->line;

	q->first = r->next;
	if (!q->first)
		q->end = &q->first;
	q->n--;
	q->held -= r->size;
	if (r->follow) {
		q->follows = true;
		q->follows_id = r->id;
	}
	free(r);
	return line;
}

/* Send what is complete up to the first reply that is not. */
static void send_complete(struct reply_queue *q)
{
	if (q->sending)
		return;
	q->sending = true;
	while (q->first && q->first->done)
		q->send(q->arg, take_first(q));
	q->sending = false;
	if (q->closed)
		free(q);
}

/* line is taken. */
static void complete(struct reply *r, char *line)
{
	struct reply_queue *q = r->queue;

	r->done = true;
	r->line = line;
	r->size = line ? strlen(line) : 0;
	q->held += r->size;
	send_complete(q);
}

void reply_result(struct reply *r, json_t *result)
{
	if (reply_wanted(r)) {
		complete(r, proto_result_line(r->id, result));
		return;
	}
	json_decref(result);
	free(r);
}

void reply_follow(struct reply *r, json_t *result)
{
	r->follow = true;
	reply_result(r, result);
}

bool reply_follows(const struct reply_queue *q, int64_t *id)
{
	*id = q->follows_id;
	return q->follows;
}

void reply_text(struct reply *r, char *result)
{
	if (reply_wanted(r))
		complete(r, result ? proto_result_text_line(r->id, result) : NULL);
	else
		free(r);
	free(result);
}

void reply_error(struct reply *r, const struct spec_error *err)
{
	if (reply_wanted(r))
		complete(r, proto_error_line(r->id, err));
	else
		free(r);
}
