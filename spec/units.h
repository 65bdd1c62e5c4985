/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Text to quantities. The same parsers serve the file and the command line.
 *
 * Each parser returns 0; -EINVAL: *out is untouched, and err says what is wrong and what was expected, in one
 * line without a final newline:
 *	"100mbps": divvy counts bits; write 100mbit, or 800mbit if you mean 100 megabytes a second
 */

#include "quote.h"

#include "core/types.h"

#define UNITS_ERR_SIZE REJECT_SIZE

/*
 * "100mbit", "1gbit", "2.5gbit", "800kbit": bits a second, with decimal SI prefixes as tc(8) has them; above
 * 0 and up to 400gbit.
 */
int units_parse_rate(const char *s, struct rate *out, char err[UNITS_ERR_SIZE]);
/*
 * "link", "95% of link", "99.5% of link": a part of a port's speed, above 0 and up to all of it, with four decimals at
 * most.
 */
int units_parse_of_link(const char *s, struct part *out, char err[UNITS_ERR_SIZE]);
/* "link" or "95% of link". Returns buf. */
#define UNITS_OF_LINK_SIZE 32
const char *units_format_of_link(struct part part, char buf[UNITS_OF_LINK_SIZE]);
/* "64kb", "1mb", "1500b", "1500": bytes; k = 1024 as in tc(8). */
int units_parse_size(const char *s, uint64_t *bytes, char err[UNITS_ERR_SIZE]);
/* "10ms", "1s", "500us": to nanoseconds. */
int units_parse_time(const char *s, uint64_t *ns, char err[UNITS_ERR_SIZE]);
/* A whole number from 1 to SHARE_MAX. */
int units_parse_share(const char *s, struct share *out, char err[UNITS_ERR_SIZE]);
/* "52:54:0:AA:bb:cc": to lower case with two digits a byte. */
int units_parse_mac(const char *s, char out[18], char err[UNITS_ERR_SIZE]);

/* "100mbit", "2.5gbit": the shortest text that parses back to the same rate; or "unlimited". Returns buf. */
#define UNITS_RATE_SIZE 32
const char *units_format_rate(struct rate r, char buf[UNITS_RATE_SIZE]);
