/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The client's side of the control protocol: one connection to divvyd, one request at a time. Nothing here
 * prints: on failure err->text is one line for a person, without a final newline.
 */

#include "proto.h"

/* How long a client waits for divvyd before it gives up, unless the program says otherwise. */
#define CLIENT_TIMEOUT_S 30

/* Close a client_open()ed one with client_closep(), which takes { .fd = -1 }, too. */
struct client {
	int fd;           /* -1: not connected */
	const char *path; /* borrowed: of the socket */
	int64_t id;       /* of the latest request */
	char *buf;        /* owned: bytes that came behind the latest answer */
	size_t len, size; /* of buf: bytes in use, bytes allocated */
};

/* For all clients of this program, from now on: seconds for a connection, and for each answer; 0: for ever. */
void client_give_up_after(unsigned int seconds);

/*
 * Connects to the socket $DIVVY_SOCKET, or PROTO_SOCKET. 0; -ENAMETOOLONG: the path does not fit a socket's
 * address; -ETIMEDOUT: divvyd took no connection in time; negative errno of socket(2) or connect(2). On failure
 * *err is filled and *c is untouched.
 */
int client_open(struct client *c, struct spec_error *err);
void client_closep(struct client *c);

/*
 * Sends a request and waits for its answer. args is taken; NULL: {}. 0: *result is a new reference;
 * -EREMOTEIO: *err is what divvyd said; -EPROTO: what came is no answer to this request; -EMSGSIZE: the
 * request or the answer is too long; -ENOMEM; -ETIMEDOUT: no answer in time, and *err says what divvyd is
 * doing; it may still do what was asked for; negative errno of send(2) or recv(2), or -ECONNRESET: the
 * connection failed. On failure *err is filled and *result is untouched. After any failure but -EREMOTEIO
 * only client_closep() may follow.
 */
int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct spec_error *err);

/*
 * Waits, for ever, for the next line that follows the answer to `watch`, the latest request. 0: *event is a new
 * reference; -EREMOTEIO: divvyd ends the connection, and *err says why; else as client_ask(). After any failure only
 * client_closep() may follow.
 */
int client_next(struct client *c, json_t **event, struct spec_error *err);

/* client_open(), client_ask() and client_closep() for a single request: their results and errors. */
int client_once(const char *verb, json_t *args, json_t **result, struct spec_error *err);
