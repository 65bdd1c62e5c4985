/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Text to quantities, once. The same parsers serve the file and the command line.
 * On failure: -EINVAL, *out untouched, and err holds what is wrong and what was expected, in one line
 * without a final newline, e.g.
 *	"100mbps": divvy counts bits; write 100mbit, or 800mbit if you mean 100 megabytes a second
 */

#include "core/types.h"

#include <stddef.h>

#define UNITS_ERR_SIZE 200

/* "100mbit", "1gbit", "2.5gbit", "800kbit": decimal SI prefixes, as tc and iproute2 do. 1..400gbit. */
int units_parse_rate(const char *s, struct rate *out, char err[UNITS_ERR_SIZE]);
/* "64kb", "1mb", "1500b", "1500": bytes; k = 1024 as in tc. */
int units_parse_size(const char *s, uint64_t *bytes, char err[UNITS_ERR_SIZE]);
/* "10ms", "1s", "500us", to nanoseconds. */
int units_parse_time(const char *s, uint64_t *ns, char err[UNITS_ERR_SIZE]);
/* A whole number 1..SHARE_MAX. */
int units_parse_share(const char *s, struct share *out, char err[UNITS_ERR_SIZE]);
/* "52:54:00:AA:bb:cc" to lower case with two digits each. */
int units_parse_mac(const char *s, char out[18], char err[UNITS_ERR_SIZE]);

/* "100mbit", "2.5gbit": the shortest text that parses back to the same rate. Returns buf. */
#define UNITS_RATE_SIZE 32
const char *units_format_rate(struct rate r, char buf[UNITS_RATE_SIZE]);
