/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The control protocol: one JSON object a line (UTF-8). With its newline a request has at most PROTO_LINE_MAX
 * bytes, an answer PROTO_ANSWER_MAX.
 *	request:  {"version":1,"id":7,"verb":"set","args":{...}}
 *	answer:   {"version":1,"id":7,"ok":true,"result":{...}}
 *	          {"version":1,"id":7,"ok":false,"error":{"line":3,"column":9,"message":"..."}}
 * Framing and envelope only; what verbs take and give is in doc/divvy-protocol(7) and daemon/verbs.c.
 */

#include "spec/spec.h"

#include <jansson.h>

#define PROTO_VERSION 1
#define PROTO_LINE_MAX (1024 * 1024)
/* `slots` gives up to 65,536 turns of at most 106 bytes, `status` some 600 bytes a device. */
#define PROTO_ANSWER_MAX (16 * PROTO_LINE_MAX)
#define PROTO_SOCKET "/run/divvy/divvy.sock"
/* Environment variable that names another socket. */
#define PROTO_SOCKET_ENV "DIVVY_SOCKET"

struct proto_request {
	int64_t id;
	char verb[32];
	json_t *args; /* owned; an object, possibly empty */
};

/*
 * One line (without newline) to a request. 0, or -EPROTO with *err filled: then out->id is what could be read
 * of it, else 0, and nothing else of *out is touched.
 */
int proto_parse_request(const char *line, size_t size, struct proto_request *out, struct spec_error *err);
void proto_request_free(struct proto_request *r);

/* Each returns a malloc()ed line with its newline, or NULL. result and args are stolen (NULL: {}). */
char *proto_request_line(int64_t id, const char *verb, json_t *args);
char *proto_result_line(int64_t id, json_t *result);
char *proto_error_line(int64_t id, const struct spec_error *err);

/*
 * One line to an answer. 0 with *result a new reference; -EREMOTEIO with *err what the daemon said;
 * -EPROTO if it is no answer to id (or of another version), *err saying so.
 */
int proto_parse_answer(const char *line, size_t size, int64_t id, json_t **result, struct spec_error *err);
