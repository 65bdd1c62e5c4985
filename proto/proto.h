/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The control protocol: one JSON object a line, in UTF-8. With its newline a request has at most
 * PROTO_LINE_MAX bytes, an answer PROTO_ANSWER_MAX.
 *	request:  {"version":1,"id":7,"verb":"set","args":{...}}
 *	answer:   {"version":1,"id":7,"ok":true,"result":{...}}
 *	          {"version":1,"id":7,"ok":false,"error":{"line":3,"column":9,"message":"..."}}
 *	event:    {"version":1,"id":7,"event":"bind",...}: any number of them follow the answer to `watch`
 * This unit is the framing and the envelope. What the verbs take and give is in divvy-protocol(7).
 */

#include "spec/spec.h"

#include <jansson.h>

#define PROTO_VERSION 1
#define PROTO_LINE_MAX (1024 * 1024)
/* `slots` answers with up to 65,536 turns of at most 106 bytes, `status` with some 600 bytes a device. */
#define PROTO_ANSWER_MAX (16 * PROTO_LINE_MAX)
#define PROTO_SOCKET "/run/divvy/divvy.sock"
/* Environment variable that names another socket. */
#define PROTO_SOCKET_ENV "DIVVY_SOCKET"

struct proto_request {
	int64_t id;
	char verb[32];
	json_t *args; /* owned; an object, perhaps empty */
};

/*
 * Parses one line (without its newline; size bytes) to a request, which the caller frees. 0; -EPROTO: *err
 * says why. Then out->id is the request's if it could be read, else 0; the rest of *out is untouched.
 */
int proto_parse_request(const char *line, size_t size, struct proto_request *out, struct spec_error *err);
void proto_request_free(struct proto_request *r);

/*
 * Each returns a malloc()ed line with its newline; NULL: out of memory. result and args are taken; NULL: {}.
 * What does not print in err->text is escaped (base/printable.h).
 */
char *proto_request_line(int64_t id, const char *verb, json_t *args);
char *proto_result_line(int64_t id, json_t *result);
/* The same around a result that is text already (jsontext.h); it is borrowed. */
char *proto_result_text_line(int64_t id, const char *result);
char *proto_error_line(int64_t id, const struct spec_error *err);

/*
 * Parses one line (without its newline; size bytes) to the answer to request id. 0: *result is a new
 * reference; -EREMOTEIO: *err is what divvyd said; -EPROTO: the line is no answer, or an answer to another
 * request, or of another version, and *err says so. On failure *result is untouched.
 */
int proto_parse_answer(const char *line, size_t size, int64_t id, json_t **result, struct spec_error *err);

/*
 * The same for a line that follows the answer to `watch`, request id: *event is the whole line. -EREMOTEIO: the line is
 * an error, with which divvyd ends the connection.
 */
int proto_parse_event(const char *line, size_t size, int64_t id, json_t **event, struct spec_error *err);
