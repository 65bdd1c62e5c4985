/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto.h"
#include "spec/error.h"
#include "spec/quote.h"

#include "base/cleanup.h"
#include "base/printable.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define _cleanup_json_ _cleanup_(json_decrefp)

/* A faulty message has no place in a person's file. */
#define refuse(err, ...) spec_fail(err, -EPROTO, __VA_ARGS__)

/* Parses one line to an object of our version. With its newline it has at most max bytes. */
static int parse_envelope(const char *line, size_t size, size_t max, json_t **out, struct spec_error *err)
{
	_cleanup_json_ json_t *j = NULL;
	json_error_t fault;
	json_t *version;
	char quoted[QUOTE_SIZE];

	if (size >= max)
		return refuse(err, "a message of %zu bytes; expected fewer than %zu", size, max);
	j = json_loadb(line, size, JSON_REJECT_DUPLICATES, &fault);
	if (!j)
		return refuse(err, "not JSON: %s at byte %d; expected one object",
			      quote(fault.text, strlen(fault.text), quoted), fault.position);
	if (!json_is_object(j))
		return refuse(err, "a message that is no JSON object; expected {\"version\":%d,...}",
			      PROTO_VERSION);
	version = json_object_get(j, "version");
	if (!json_is_integer(version))
		return refuse(err, "no \"version\" in the message; expected %d", PROTO_VERSION);
	if (json_integer_value(version) != PROTO_VERSION)
		return refuse(err, "protocol version %" JSON_INTEGER_FORMAT "; expected %d, as divvy %s has",
			      json_integer_value(version), PROTO_VERSION, DIVVY_VERSION);
	*out = TAKE_PTR(j);
	return 0;
}

static bool is_verb(const char *s, size_t size, size_t room)
{
	if (size == 0 || size >= room)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!islower((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}

int proto_parse_request(const char *line, size_t size, struct proto_request *out, struct spec_error *err)
{
	_cleanup_json_ json_t *j = NULL;
	json_t *id, *verb, *args;
	int r;

	out->id = 0;
	r = parse_envelope(line, size, PROTO_LINE_MAX, &j, err);
	if (r < 0)
		return r;
	id = json_object_get(j, "id");
	verb = json_object_get(j, "verb");
	args = json_object_get(j, "args");
	if (!json_is_integer(id))
		return refuse(err, "no \"id\" in the request; expected an integer");
	out->id = json_integer_value(id);
	if (!json_is_string(verb) ||
	    !is_verb(json_string_value(verb), json_string_length(verb), sizeof(out->verb)))
		return refuse(err, "no \"verb\" in the request; expected a word of lower-case letters");
	if (args && !json_is_object(args))
		return refuse(err, "\"args\" is no object; expected one");
	args = args ? json_incref(args) : json_object();
	if (!args)
		return refuse(err, "out of memory");
	memcpy(out->verb, json_string_value(verb), json_string_length(verb) + 1);
	out->args = args;
	return 0;
}

void proto_request_free(struct proto_request *r)
{
	json_decref(r->args);
	r->args = NULL;
}

/* Takes j; NULL: memory was out. */
static char *to_line(json_t *j)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	char *line;

	if (!j)
		return NULL;
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (!text)
		return NULL;
	size = strlen(text);
	line = realloc(text, size + 2);
	if (!line)
		return NULL;
	text = NULL;
	memcpy(line + size, "\n", 2);
	return line;
}

char *proto_request_line(int64_t id, const char *verb, json_t *args)
{
	/* "o" takes args, even if packing fails. */
	if (!args)
		args = json_object();
	return to_line(json_pack("{s:i, s:I, s:s, s:o}", "version", PROTO_VERSION, "id", (json_int_t)id,
				 "verb", verb, "args", args));
}

char *proto_result_line(int64_t id, json_t *result)
{
	if (!result)
		result = json_object();
	return to_line(json_pack("{s:i, s:I, s:b, s:o}", "version", PROTO_VERSION, "id", (json_int_t)id, "ok",
				 1, "result", result));
}

char *proto_result_text_line(int64_t id, const char *result)
{
	char *line = NULL;

	return asprintf(&line, "{\"version\":%d,\"id\":%lld,\"ok\":true,\"result\":%s}\n", PROTO_VERSION,
			(long long)id, result) < 0 ?
		       NULL :
		       line;
}

char *proto_error_line(int64_t id, const struct spec_error *err)
{
	char text[2 * sizeof(err->text)];

	/* Jansson packs only UTF-8. An error may quote any bytes, or be cut inside a character. */
	printable(err->text, strnlen(err->text, sizeof(err->text)), text, sizeof(text));
	return to_line(json_pack("{s:i, s:I, s:b, s:{s:I, s:I, s:s}}", "version", PROTO_VERSION, "id",
				 (json_int_t)id, "ok", 0, "error", "line", (json_int_t)err->line, "column",
				 (json_int_t)err->column, "message", text));
}

/* A line or column; 0: there is none. */
static uint32_t place(const json_t *error, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(error, key));

	return n < 0 || n > UINT32_MAX ? 0 : (uint32_t)n;
}

static int parse_error(const json_t *j, struct spec_error *err)
{
	const json_t *error = json_object_get(j, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (!message)
		return refuse(err, "an answer with neither result nor error");
	spec_refuse(err, place(error, "line"), place(error, "column"), "%s", message);
	return -EREMOTEIO;
}

int proto_parse_event(const char *line, size_t size, int64_t id, json_t **event, struct spec_error *err)
{
	_cleanup_json_ json_t *j = NULL;
	int r = parse_envelope(line, size, PROTO_LINE_MAX, &j, err);

	if (r < 0)
		return r;
	if (json_is_false(json_object_get(j, "ok")))
		return parse_error(j, err);
	if (json_integer_value(json_object_get(j, "id")) != id)
		return refuse(err, "an event for another request; expected id %" PRId64, id);
	if (!json_is_string(json_object_get(j, "event")))
		return refuse(err, "a line that is no event");
	*event = TAKE_PTR(j);
	return 0;
}

int proto_parse_answer(const char *line, size_t size, int64_t id, json_t **result, struct spec_error *err)
{
	_cleanup_json_ json_t *j = NULL;
	json_t *answered, *ok, *value;
	int r;

	r = parse_envelope(line, size, PROTO_ANSWER_MAX, &j, err);
	if (r < 0)
		return r;
	answered = json_object_get(j, "id");
	ok = json_object_get(j, "ok");
	/* A request whose id could not be read is refused under id 0. */
	if (!json_is_integer(answered) ||
	    (json_integer_value(answered) != id && !(json_is_false(ok) && json_integer_value(answered) == 0)))
		return refuse(err, "an answer to another request; expected id %" PRId64, id);
	if (json_is_false(ok))
		return parse_error(j, err);
	value = json_object_get(j, "result");
	if (!json_is_true(ok) || !json_is_object(value))
		return refuse(err, "an answer with neither result nor error");
	*result = json_incref(value);
	return 0;
}
