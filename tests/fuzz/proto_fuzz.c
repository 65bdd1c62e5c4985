/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: any bytes as a request to the daemon, and as its answer. */
#include "proto/proto.h"

#include "base/cleanup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct proto_request request = { 0 };
	struct spec_error err = { 0 };
	json_t *result = NULL;

	if (proto_parse_request(line, size, &request, &err) == 0) {
		/* What was understood can be said again. */
		_cleanup_free_ char *again =
			proto_request_line(request.id, request.verb, json_incref(request.args));
		struct proto_request back = { 0 };

		if (!again || proto_parse_request(again, strlen(again) - 1, &back, &err) < 0 ||
		    back.id != request.id || strcmp(back.verb, request.verb) != 0 ||
		    !json_equal(back.args, request.args))
			abort();
		proto_request_free(&back);
		proto_request_free(&request);
	} else {
		_cleanup_free_ char *error = proto_error_line(request.id, &err);

		if (!error || err.text[0] == '\0')
			abort();
	}
	if (proto_parse_answer(line, size, 7, &result, &err) == 0)
		json_decref(result);
	else if (strnlen(err.text, sizeof(err.text)) == sizeof(err.text))
		abort();
	return 0;
}
