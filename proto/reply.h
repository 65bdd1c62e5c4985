/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The server's side of one connection: answers that are complete now or later, sent in the order of the
 * requests. It knows no socket and no event loop.
 *
 * A request gets a struct reply, which reserves the request's place among the answers. The verb completes the
 * reply exactly once, with reply_result() or reply_error(), at once or much later. A completed answer is sent
 * as soon as all answers before it are sent. Until then the queue keeps it.
 *
 * When the connection ends, the server closes the queue. A reply that is not complete stays valid. The verb
 * still completes it, and nothing is sent.
 */

#include "spec/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply_queue;
struct reply;

/*
 * Sends one answer. line: malloc()ed and taken, with its newline; NULL: memory was out, the answer is lost,
 * and the connection has to end. The function may close the queue, and reserve and complete replies. A reply
 * that it completes is sent after it has returned.
 */
typedef void reply_send(void *arg, char *line);

/* arg is borrowed until the queue is closed. NULL: out of memory. */
struct reply_queue *reply_queue_new(reply_send *send, void *arg);
/*
 * The connection is gone: completed answers that were not sent are dropped, and send() is not called again.
 * Ends q. NULL is fine.
 */
void reply_queue_close(struct reply_queue *q);

/* Replies of the queue whose answers have not been sent yet, complete or not. */
size_t reply_pending(const struct reply_queue *q);
/* Bytes of answers that are complete and wait for an earlier one. */
size_t reply_held(const struct reply_queue *q);

/* Reserves the next place, for the answer to request id. NULL: out of memory. */
struct reply *reply_new(struct reply_queue *q, int64_t id);
/* False: the connection is gone, and the answer will not be sent. */
bool reply_wanted(const struct reply *r);
/* Completes r, and ends it. result is taken; NULL: {}. The queue may be closed when it returns. */
void reply_result(struct reply *r, json_t *result);
/* The same with a result that is text already (jsontext.h), taken; NULL: memory was out. */
void reply_text(struct reply *r, char *result);
/*
 * The same for a request whose answer is followed by lines of their own, as long as the connection lasts: from the
 * send of this answer on reply_follows() tells that. Of several such requests the latest counts.
 */
void reply_follow(struct reply *r, json_t *result);
/* True: *id is the request that lines may follow now. */
bool reply_follows(const struct reply_queue *q, int64_t *id);
/* Completes r with an error, and ends it. The queue may be closed when it returns. */
void reply_error(struct reply *r, const struct spec_error *err);
