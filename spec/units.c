/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to quantities.
 *
 * The trap of the field: in tc(8) "mbit" is 10^6 bits and "mbps" is 10^6 bytes a second, while nearly
 * all other programs write Mbps for bits. divvy takes bits alone, spelled so that they cannot be read otherwise,
 * and answers any other spelling with the texts that would be right. Sizes are bytes with k = 1024, as in
 * tc(8).
 */
#include "units.h"
#include "quote.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPECT_RATE "expected a number and bit, kbit, mbit or gbit, such as 100mbit"
#define TOO_MUCH "more than the largest rate, 400gbit; " EXPECT_RATE
#define TOO_LITTLE "less than one byte a second; " EXPECT_RATE
#define EXPECT_OF_LINK "expected link, or a part of it such as 95% of link"
#define EXPECT_SIZE "expected bytes, such as 1500b, 64kb or 1mb"
#define EXPECT_TIME "expected a number and us, ms or s, such as 10ms"
#define EXPECT_SHARE "expected a whole number from 1 to 1000000, such as 60"
#define EXPECT_MAC "expected six hexadecimal bytes, such as 52:54:00:aa:bb:cc"

/* More decimals than any rate up to 400gbit needs, and 10^12 x 10^12 still fits 128 bits. */
#define DECIMALS_MAX 12
#define SUFFIX_SIZE 16

/* A number as written: whole.fraction, fraction in units of 10^-decimals; then the rest of the text. */
struct number {
	uint64_t whole; /* saturates */
	uint64_t fraction;
	uint64_t scale; /* 10^decimals */
	size_t length;  /* of its text */
	const char *suffix;
};

static uint64_t append_digit(uint64_t n, char digit)
{
	uint64_t d = (uint64_t)(digit - '0');

	return n > (UINT64_MAX - d) / 10 ? UINT64_MAX : n * 10 + d;
}

/* what: "a rate"; expected: the end of the message. */
static int scan_number(const char *s, const char *what, const char *expected, struct number *out,
		       char err[UNITS_ERR_SIZE])
{
	struct number n = { .scale = 1 };
	const char *p = s;

	if (*s == '\0') {
		snprintf(err, UNITS_ERR_SIZE, "%s is missing; %s", what, expected);
		return -EINVAL;
	}
	if (*s == '-' && isdigit((unsigned char)s[1]))
		return reject(err, s, "%s cannot be negative; %s", what, expected);
	if (!isdigit((unsigned char)*p))
		return reject(err, s, "not %s; %s", what, expected);
	while (isdigit((unsigned char)*p))
		n.whole = append_digit(n.whole, *p++);
	if (*p == ',')
		return reject(err, s, "decimals follow a point, not a comma; %s", expected);
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return reject(err, s, "no digits after the point; %s", expected);
		for (int i = 0; isdigit((unsigned char)*p); i++, p++) {
			if (i == DECIMALS_MAX)
				return reject(err, s, "more than %d decimals; %s", DECIMALS_MAX, expected);
			n.fraction = n.fraction * 10 + (uint64_t)(*p - '0');
			n.scale *= 10;
		}
	}
	n.length = (size_t)(p - s);
	n.suffix = p;
	*out = n;
	return 0;
}

/* number x factor rounded down, factor <= 2^50. -ERANGE beyond 64 bits, *exact says that nothing was cut. */
static int scale_number(const struct number *n, uint64_t factor, uint64_t *out, bool *exact)
{
	unsigned __int128 fraction = (unsigned __int128)n->fraction * factor;
	unsigned __int128 sum = (unsigned __int128)n->whole * factor + fraction / n->scale;

	if (n->whole == UINT64_MAX || sum > UINT64_MAX)
		return -ERANGE;
	*exact = fraction % n->scale == 0;
	*out = (uint64_t)sum;
	return 0;
}

static const struct prefix {
	char letter;
	uint64_t decimal, binary;
	const char *decimal_name, *binary_name;
} prefixes[] = {
	{ 'k', 1000ULL, 1ULL << 10, "kilo", "kibi" },
	{ 'm', 1000000ULL, 1ULL << 20, "mega", "mebi" },
	{ 'g', 1000000000ULL, 1ULL << 30, "giga", "gibi" },
	{ 't', 1000000000000ULL, 1ULL << 40, "tera", "tebi" },
};

static const struct prefix no_prefix = { 0, 1, 1, "", "" };

enum rate_verdict {
	RATE_RIGHT,
	RATE_SPELLING,  /* bits, written another way */
	RATE_AMBIGUOUS, /* bits to one half of the world, bytes to the other */
	RATE_BYTES,
};

static const struct rate_form {
	const char *text; /* what follows the prefix */
	enum rate_verdict verdict;
} rate_forms[] = {
	{ "bit", RATE_RIGHT },        { "", RATE_SPELLING },       { "bits", RATE_SPELLING },
	{ "bit/s", RATE_SPELLING },   { "bits/s", RATE_SPELLING }, { "bitps", RATE_SPELLING },
	{ "bit/sec", RATE_SPELLING }, { "b", RATE_AMBIGUOUS },     { "b/s", RATE_AMBIGUOUS },
	{ "bps", RATE_AMBIGUOUS },    { "b/sec", RATE_AMBIGUOUS }, { "byte", RATE_BYTES },
	{ "bytes", RATE_BYTES },      { "byte/s", RATE_BYTES },    { "bytes/s", RATE_BYTES },
	{ "bytes/sec", RATE_BYTES },
};

/* A rate's suffix taken apart: spaces, prefix, "i" for binary, form. */
struct rate_suffix {
	const struct prefix *prefix;
	const struct rate_form *form; /* NULL: unknown */
	bool binary, spaced;
};

static void scan_rate_suffix(const char *s, struct rate_suffix *out)
{
	char lower[SUFFIX_SIZE];
	const char *p = lower;
	size_t n = 0;

	*out = (struct rate_suffix){ .prefix = &no_prefix };
	for (; *s; s++) {
		if (*s == ' ') {
			out->spaced = true;
			continue;
		}
		if (n == sizeof(lower) - 1)
			return;
		lower[n++] = (char)tolower((unsigned char)*s);
	}
	lower[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (*p == prefixes[i].letter)
			out->prefix = &prefixes[i];
	if (out->prefix != &no_prefix)
		p++;
	if (out->prefix != &no_prefix && *p == 'i') {
		out->binary = true;
		p++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rate_forms); i++)
		if (strcmp(p, rate_forms[i].text) == 0)
			out->form = &rate_forms[i];
}

/* Bits a second to a rate, to the nearest byte. -ERANGE beyond RATE_MAX_BYTES_PS. */
static int rate_from(const struct number *n, uint64_t bits, struct rate *out)
{
	uint64_t value;
	bool exact;

	if (scale_number(n, bits, &value, &exact) < 0 || value > RATE_MAX_BYTES_PS * 8)
		return -ERANGE;
	out->bytes_ps = (value + 4) / 8;
	return 0;
}

/* Say how the same rate is written for divvy. */
static int explain_rate(const char *s, const struct number *n, const struct rate_suffix *suffix,
			char err[UNITS_ERR_SIZE])
{
	const struct prefix *prefix = suffix->prefix;
	uint64_t factor = suffix->binary ? prefix->binary : prefix->decimal;
	const char *name = suffix->binary ? prefix->binary_name : prefix->decimal_name;
	char as_bits[UNITS_RATE_SIZE], as_bytes[UNITS_RATE_SIZE];
	struct rate bits = RATE_ZERO, bytes = RATE_ZERO;

	if (rate_from(n, factor, &bits) < 0)
		return reject(err, s, TOO_MUCH);
	if (bits.bytes_ps == 0)
		return reject(err, s, TOO_LITTLE);
	units_format_rate(bits, as_bits);
	if (suffix->form->verdict == RATE_RIGHT || suffix->form->verdict == RATE_SPELLING) {
		if (*n->suffix == '\0')
			return reject(err, s,
				      "no unit; write %.*smbit for megabits a second, or bit, kbit, gbit",
				      (int)n->length, s);
		return reject(err, s, "%s; write %s",
			      suffix->binary                        ? "divvy's prefixes are decimal"
			      : suffix->form->verdict == RATE_RIGHT ? "a space before the unit"
			      : suffix->form->text[0] == '\0'
				      ? "half a unit"
				      : "rates are written in bit, kbit, mbit or gbit",
			      as_bits);
	}
	if (rate_from(n, factor * 8, &bytes) < 0)
		return reject(err, s, "divvy counts bits; write %s", as_bits);
	units_format_rate(bytes, as_bytes);
	if (suffix->form->verdict == RATE_BYTES)
		return reject(err, s, "divvy counts bits; write %s for %.*s %sbytes a second", as_bytes,
			      (int)n->length, s, name);
	return reject(err, s, "divvy counts bits; write %s, or %s if you mean %.*s %sbytes a second", as_bits,
		      as_bytes, (int)n->length, s, name);
}

int units_parse_rate(const char *s, struct rate *out, char err[UNITS_ERR_SIZE])
{
	struct rate_suffix suffix;
	struct number n;
	struct rate rate;
	char quoted[QUOTE_SIZE];
	int r;

	r = scan_number(s, "a rate", EXPECT_RATE, &n, err);
	if (r < 0)
		return r;
	scan_rate_suffix(n.suffix, &suffix);
	if (*n.suffix == '%')
		return reject(err, s,
			      "a rate is absolute; " EXPECT_RATE " (a part of the uplink is a share)");
	if (!suffix.form)
		return reject(err, s, "unknown unit %s; " EXPECT_RATE,
			      quote(n.suffix, strlen(n.suffix), quoted));
	if (n.whole == 0 && n.fraction == 0)
		return reject(err, s, "a rate must be above 0; " EXPECT_RATE);
	if (suffix.form->verdict != RATE_RIGHT || suffix.binary || suffix.spaced)
		return explain_rate(s, &n, &suffix, err);
	if (rate_from(&n, suffix.prefix->decimal, &rate) < 0)
		return reject(err, s, TOO_MUCH);
	if (rate.bytes_ps == 0)
		return reject(err, s, TOO_LITTLE);
	*out = rate;
	return 0;
}

int units_parse_of_link(const char *s, struct part *out, char err[UNITS_ERR_SIZE])
{
	struct number n;
	uint64_t ppm;
	bool exact;

	if (strcmp(s, "link") == 0) {
		out->ppm = PART_MAX;
		return 0;
	}
	if (scan_number(s, "a part", EXPECT_OF_LINK, &n, err) < 0)
		return -EINVAL;
	if (strcmp(n.suffix, "%") == 0)
		return reject(err, s, "of what? Write %.*s%% of link for a part of the port's speed", (int)n.length, s);
	if (strcmp(n.suffix, "% of link") != 0)
		return reject(err, s, "%s", EXPECT_OF_LINK);
	if (scale_number(&n, PART_MAX / 100, &ppm, &exact) < 0 || ppm > PART_MAX || (ppm == PART_MAX && !exact))
		return reject(err, s, "more than all of it; %s", EXPECT_OF_LINK);
	if (!exact)
		return reject(err, s, "more than 4 decimals; %s", EXPECT_OF_LINK);
	if (ppm == 0)
		return reject(err, s, "nothing of it; %s", EXPECT_OF_LINK);
	out->ppm = (uint32_t)ppm;
	return 0;
}

const char *units_format_of_link(struct part part, char buf[UNITS_OF_LINK_SIZE])
{
	unsigned int whole = part.ppm / (PART_MAX / 100), rest = part.ppm % (PART_MAX / 100);
	char decimals[8] = "";
	int n;

	if (part.ppm == PART_MAX) {
		snprintf(buf, UNITS_OF_LINK_SIZE, "link");
		return buf;
	}
	n = rest ? snprintf(decimals, sizeof(decimals), ".%04u", rest) : 0;
	while (n > 0 && decimals[n - 1] == '0')
		decimals[--n] = '\0';
	snprintf(buf, UNITS_OF_LINK_SIZE, "%u%s%% of link", whole, decimals);
	return buf;
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },           { "b", 1 },           { "k", 1ULL << 10 }, { "kb", 1ULL << 10 },
	{ "m", 1ULL << 20 }, { "mb", 1ULL << 20 }, { "g", 1ULL << 30 }, { "gb", 1ULL << 30 },
};

static const struct unit time_units[] = {
	{ "ns", 1 },
	{ "us", NSEC_PER_USEC },
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
};

static const struct unit *find_unit(const struct unit *table, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(table[i].suffix, suffix) == 0)
			return &table[i];
	return NULL;
}

static int scale_whole(const char *s, const struct number *n, const struct unit *unit, const char *whole,
		       const char *expected, uint64_t *out, char err[UNITS_ERR_SIZE])
{
	uint64_t value;
	bool exact;

	if (scale_number(n, unit->factor, &value, &exact) < 0)
		return reject(err, s, "too large; %s", expected);
	if (!exact)
		return reject(err, s, "not a whole number of %s; %s", whole, expected);
	*out = value;
	return 0;
}

int units_parse_size(const char *s, uint64_t *bytes, char err[UNITS_ERR_SIZE])
{
	const struct unit *unit;
	char quoted[QUOTE_SIZE];
	struct number n;
	int r;

	r = scan_number(s, "a size", EXPECT_SIZE, &n, err);
	if (r < 0)
		return r;
	unit = find_unit(size_units, ARRAY_SIZE(size_units), n.suffix);
	if (unit)
		return scale_whole(s, &n, unit, "bytes", EXPECT_SIZE, bytes, err);
	if (strcasestr(n.suffix, "bit"))
		return reject(err, s, "a size counts bytes, not bits; " EXPECT_SIZE);
	if (*n.suffix == ' ')
		return reject(err, s, "a space before the unit; " EXPECT_SIZE);
	return reject(err, s, "unknown unit %s; " EXPECT_SIZE, quote(n.suffix, strlen(n.suffix), quoted));
}

int units_parse_time(const char *s, uint64_t *ns, char err[UNITS_ERR_SIZE])
{
	const struct unit *unit;
	char quoted[QUOTE_SIZE];
	struct number n;
	int r;

	r = scan_number(s, "a time", EXPECT_TIME, &n, err);
	if (r < 0)
		return r;
	unit = find_unit(time_units, ARRAY_SIZE(time_units), n.suffix);
	if (unit)
		return scale_whole(s, &n, unit, "nanoseconds", EXPECT_TIME, ns, err);
	if (*n.suffix == '\0' && n.whole == 0 && n.fraction == 0)
		return reject(err, s, "no unit; " EXPECT_TIME);
	if (*n.suffix == '\0')
		return reject(err, s, "no unit; write %.*sms for milliseconds, or us, s", (int)n.length, s);
	if (*n.suffix == ' ')
		return reject(err, s, "a space before the unit; " EXPECT_TIME);
	return reject(err, s, "unknown unit %s; " EXPECT_TIME, quote(n.suffix, strlen(n.suffix), quoted));
}

int units_parse_share(const char *s, struct share *out, char err[UNITS_ERR_SIZE])
{
	struct number n = { .suffix = "" };
	int r;

	r = scan_number(s, "a share", EXPECT_SHARE, &n, err);
	if (r < 0)
		return r;
	if (n.scale > 1)
		return reject(err, s,
			      "a share has no decimals (only ratios count: 15 and 10 for 1.5 and "
			      "1); " EXPECT_SHARE);
	if (strcmp(n.suffix, "%") == 0)
		return reject(err, s, "a share is a weight, not a percentage; write %.*s", (int)n.length, s);
	if (*n.suffix)
		return reject(err, s, "not a share; " EXPECT_SHARE);
	if (n.whole == 0)
		return reject(err, s, "a share is at least 1; " EXPECT_SHARE);
	if (n.whole > SHARE_MAX)
		return reject(err, s, "a share is at most 1000000; " EXPECT_SHARE);
	if (s[0] == '0')
		return reject(err, s, "some read a leading zero as octal; write %llu",
			      (unsigned long long)n.whole);
	out->weight = (uint32_t)n.whole;
	return 0;
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int units_parse_mac(const char *s, char out[18], char err[UNITS_ERR_SIZE])
{
	unsigned int bytes[6], any = 0;
	const char *p = s;

	if (*s == '\0') {
		snprintf(err, UNITS_ERR_SIZE, "a MAC address is missing; " EXPECT_MAC);
		return -EINVAL;
	}
	for (int i = 0; i < 6; i++) {
		if (i > 0 && *p++ != ':')
			return reject(err, s, "not a MAC address; " EXPECT_MAC);
		if (!isxdigit((unsigned char)*p))
			return reject(err, s, "not a MAC address; " EXPECT_MAC);
		bytes[i] = (unsigned int)hex_value(*p++);
		if (isxdigit((unsigned char)*p))
			bytes[i] = bytes[i] * 16 + (unsigned int)hex_value(*p++);
		any |= bytes[i];
	}
	if (*p)
		return reject(err, s, "not a MAC address; " EXPECT_MAC);
	if (any == 0)
		return reject(err, s, "no NIC has this address; " EXPECT_MAC);
	if (bytes[0] & 1)
		return reject(err, s, "a group address (the first byte is odd), no NIC has it; " EXPECT_MAC);
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0] & 0xff, bytes[1] & 0xff, bytes[2] & 0xff,
		 bytes[3] & 0xff, bytes[4] & 0xff, bytes[5] & 0xff);
	return 0;
}

const char *units_format_rate(struct rate r, char buf[UNITS_RATE_SIZE])
{
	uint64_t bits = rate_bits(r);
	size_t best;

	if (rate_is_unlimited(r)) {
		snprintf(buf, UNITS_RATE_SIZE, "unlimited");
		return buf;
	}
	best = (size_t)snprintf(buf, UNITS_RATE_SIZE, "%llubit", (unsigned long long)bits);
	/* Decimal prefixes: each text is exact. Up to gbit, which people read more easily than 0.4tbit. */
	for (size_t i = 0; i < 3; i++) {
		uint64_t unit = prefixes[i].decimal, fraction = bits % unit;
		char text[2 * UNITS_RATE_SIZE], decimals[24] = "";
		size_t n;

		if (bits < unit)
			break;
		if (fraction) {
			/* + unit: keeps the zeros in front; that digit becomes the point. */
			n = (size_t)snprintf(decimals, sizeof(decimals), "%llu",
					     (unsigned long long)(fraction + unit));
			while (decimals[n - 1] == '0')
				decimals[--n] = '\0';
			decimals[0] = '.';
		}
		n = (size_t)snprintf(text, sizeof(text), "%llu%s%cbit", (unsigned long long)(bits / unit),
				     decimals, prefixes[i].letter);
		if (n <= best && n < UNITS_RATE_SIZE) {
			best = n;
			memcpy(buf, text, n + 1);
		}
	}
	return buf;
}
