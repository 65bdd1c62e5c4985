/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes are a specification or are refused in one printable line; what is accepted can
 * be written down and read back as the same. The text is a command line's value too, so units see it as well.
 */
#include "spec/spec.h"
#include "spec/units.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line that a terminal shows as it is. */
static void check_line(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == 0 || n == room)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			abort();
}

static void check_model(const struct model *m)
{
	_cleanup_(model_free) struct model back = { 0 };
	_cleanup_free_ char *text = spec_format(m), *again = NULL;
	struct spec_error err;

	if (spec_parse(text, strlen(text), &back, &err) < 0) {
		fprintf(stderr, "%u:%u: %s\n%s", err.line, err.column, err.text, text);
		abort();
	}
	again = spec_format(&back);
	if (back.n_nodes != m->n_nodes || strcmp(text, again) != 0)
		abort();
}

static void fuzz_units(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = strndup((const char *)data, size);
	char err[UNITS_ERR_SIZE], mac[18], text[UNITS_RATE_SIZE];
	struct rate rate, back;
	struct share share;
	uint64_t n;

	if (units_parse_rate(s, &rate, err) < 0)
		check_line(err, sizeof(err));
	else if (units_parse_rate(units_format_rate(rate, text), &back, err) < 0 ||
		 back.bytes_ps != rate.bytes_ps)
		abort();
	if (units_parse_size(s, &n, err) < 0)
		check_line(err, sizeof(err));
	if (units_parse_time(s, &n, err) < 0)
		check_line(err, sizeof(err));
	if (units_parse_share(s, &share, err) < 0)
		check_line(err, sizeof(err));
	else if (share.weight == 0 || share.weight > SHARE_MAX)
		abort();
	if (units_parse_mac(s, mac, err) < 0)
		check_line(err, sizeof(err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec_error err = { 0 };
	struct model m;

	if (size < 64)
		fuzz_units(data, size);
	if (spec_parse((const char *)data, size, &m, &err) < 0) {
		check_line(err.text, sizeof(err.text));
		return 0;
	}
	check_model(&m);
	model_free(&m);
	return 0;
}
