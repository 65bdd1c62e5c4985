/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/quote.h"
#include "spec/units.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What is read, and what is refused with which words. value < 0: refused. */
struct reading {
	const char *text;
	int64_t value;
	const char *words;
};

static const struct reading rates[] = {
	{ "8bit", 1, NULL },
	{ "4bit", 1, NULL }, /* to the nearest byte */
	{ "8kbit", 1000, NULL },
	{ "100mbit", 12500000, NULL },
	{ "100Mbit", 12500000, NULL },
	{ "1gbit", 125000000, NULL },
	{ "2.5gbit", 312500000, NULL },
	{ "0.4tbit", 50000000000, NULL },
	{ "400gbit", 50000000000, NULL },
	{ "400000000000bit", 50000000000, NULL },
	{ "1.000000000008tbit", -1, "400gbit" },
	{ "0.000000000008tbit", 1, NULL },
	{ "33.333333333mbit", 4166667, NULL },
	{ "0100mbit", 12500000, NULL },
	{ "", -1, "a rate is missing; expected a number and bit" },
	{ "400000000001bit", -1, "more than the largest rate, 400gbit" },
	{ "400.000000001gbit", -1, "more than the largest rate, 400gbit" },
	{ "18446744073709551615gbit", -1, "more than the largest rate" },
	{ "99999999999999999999999999999999bit", -1, "more than the largest rate" },
	{ "3bit", -1, "less than one byte a second" },
	{ "0mbit", -1, "above 0" },
	{ "0.0mbit", -1, "above 0" },
	{ "-5mbit", -1, "cannot be negative" },
	{ "+5mbit", -1, "not a rate" },
	{ " 5mbit", -1, "not a rate" },
	{ ".5gbit", -1, "not a rate" },
	{ "5.gbit", -1, "no digits after the point" },
	{ "1,5gbit", -1, "a point, not a comma" },
	{ "1.2.3gbit", -1, "unknown unit \".3gbit\"" },
	{ "1e3mbit", -1, "unknown unit \"e3mbit\"" },
	{ "0x10mbit", -1, "unknown unit \"x10mbit\"" },
	{ "1.0000000000001gbit", -1, "more than 12 decimals" },
	{ "fast", -1, "expected a number and bit" },
	{ "unlimited", -1, "expected a number and bit" },
	{ "50%", -1, "a rate is absolute" },
	{ "100", -1, "no unit; write 100mbit" },
	{ "100mbps", -1, "divvy counts bits; write 100mbit, or 800mbit if you mean 100 megabytes a second" },
	{ "100Mbps", -1, "write 100mbit, or 800mbit" },
	{ "100bps", -1, "write 104bit, or 800bit if you mean 100 bytes a second" },
	{ "1gbps", -1, "write 1gbit, or 8gbit if you mean 1 gigabytes a second" },
	{ "60gbps", -1, "divvy counts bits; write 60gbit" },
	{ "100Mb", -1, "write 100mbit, or 800mbit" },
	{ "100MB/s", -1, "write 100mbit, or 800mbit" },
	{ "100 MB/s", -1, "write 100mbit, or 800mbit" },
	{ "10mbytes/s", -1, "write 80mbit for 10 megabytes a second" },
	{ "100 M", -1, "half a unit; write 100mbit" },
	{ "100 mbit", -1, "a space before the unit; write 100mbit" },
	{ "100mbit ", -1, "write 100mbit" },
	{ "1g", -1, "half a unit; write 1gbit" },
	{ "1gbit/s", -1, "write 1gbit" },
	{ "100mbits", -1, "write 100mbit" },
	{ "1kibit", -1, "decimal; write 1024bit" },
	{ "1mib/s", -1, "if you mean 1 mebibytes a second" },
	{ "1000gbps", -1, "more than the largest rate" },
	{ "5parsec", -1, "unknown unit \"parsec\"" },
	{ "5mbitmbitmbitmbitmbitmbit", -1, "unknown unit" },
	{ "5\x1b[31mbit", -1, "\\x1b[31mbit" },
	{ "5\xff", -1, "\\xff" },
};

static const struct reading sizes[] = {
	{ "0", 0, NULL },
	{ "1500", 1500, NULL },
	{ "1500b", 1500, NULL },
	{ "64kb", 65536, NULL },
	{ "64KB", 65536, NULL },
	{ "64k", 65536, NULL },
	{ "1.5mb", 1572864, NULL },
	{ "2gb", 2147483648, NULL },
	{ "", -1, "a size is missing" },
	{ "-1", -1, "cannot be negative" },
	{ "1.5", -1, "not a whole number of bytes" },
	{ "64kbit", -1, "bytes, not bits" },
	{ "64 kb", -1, "a space before the unit" },
	{ "64pages", -1, "unknown unit \"pages\"" },
	{ "18446744073709551616", -1, "too large" },
	{ "18446744073709551615gb", -1, "too large" },
};

static const struct reading times[] = {
	{ "10ms", 10000000, NULL },
	{ "1s", 1000000000, NULL },
	{ "500us", 500000, NULL },
	{ "7ns", 7, NULL },
	{ "1.5ms", 1500000, NULL },
	{ "0s", 0, NULL },
	{ "", -1, "a time is missing" },
	{ "10", -1, "no unit; write 10ms" },
	{ "0", -1, "no unit; expected a number and us, ms or s" },
	{ "1.5ns", -1, "not a whole number of nanoseconds" },
	{ "-1s", -1, "cannot be negative" },
	{ "10 ms", -1, "a space before the unit" },
	{ "10min", -1, "unknown unit \"min\"" },
	{ "99999999999999s", -1, "too large" },
};

static const struct reading shares[] = {
	{ "1", 1, NULL },
	{ "60", 60, NULL },
	{ "1000000", 1000000, NULL },
	{ "", -1, "a share is missing" },
	{ "0", -1, "at least 1" },
	{ "000", -1, "at least 1" },
	{ "-60", -1, "cannot be negative" },
	{ "1.5", -1, "no decimals" },
	{ "1.0", -1, "no decimals" },
	{ "60%", -1, "not a percentage; write 60" },
	{ "1000001", -1, "at most 1000000" },
	{ "4294967297", -1, "at most 1000000" },
	{ "18446744073709551617", -1, "at most 1000000" },
	{ "060", -1, "octal; write 60" },
	{ "0x10", -1, "not a share" },
	{ "1e3", -1, "not a share" },
	{ "60mbit", -1, "not a share" },
	{ "60 ", -1, "not a share" },
	{ "web", -1, "not a share" },
};

typedef int read_function(const char *text, int64_t *value, char err[UNITS_ERR_SIZE]);

static int read_rate(const char *text, int64_t *value, char err[UNITS_ERR_SIZE])
{
	struct rate rate = { (uint64_t)*value };
	int r = units_parse_rate(text, &rate, err);

	*value = (int64_t)rate.bytes_ps;
	return r;
}

static int read_size(const char *text, int64_t *value, char err[UNITS_ERR_SIZE])
{
	return units_parse_size(text, (uint64_t *)value, err);
}

static int read_time(const char *text, int64_t *value, char err[UNITS_ERR_SIZE])
{
	return units_parse_time(text, (uint64_t *)value, err);
}

static int read_share(const char *text, int64_t *value, char err[UNITS_ERR_SIZE])
{
	struct share share = { (uint32_t)*value };
	int r = units_parse_share(text, &share, err);

	*value = share.weight;
	return r;
}

static void check_readings(const struct reading *rows, size_t n, read_function *read)
{
	for (size_t i = 0; i < n; i++) {
		char err[UNITS_ERR_SIZE] = "";
		int64_t value = 4711;
		int r = read(rows[i].text, &value, err);

		if (rows[i].value >= 0) {
			if (r < 0 || value != rows[i].value)
				fail_msg("\"%s\": %lld, %s", rows[i].text, (long long)value, err);
			continue;
		}
		if (r != -EINVAL || value != 4711 || !strstr(err, rows[i].words))
			fail_msg("\"%s\": %d, %lld, \"%s\" lacks \"%s\"", rows[i].text, r, (long long)value,
				 err, rows[i].words);
		if (strchr(err, '\n') || strchr(err, '\x1b'))
			fail_msg("\"%s\": more than a line: %s", rows[i].text, err);
	}
}

static void test_rates(void **state)
{
	(void)state;
	check_readings(rates, ARRAY_SIZE(rates), read_rate);
}

static void test_sizes(void **state)
{
	(void)state;
	check_readings(sizes, ARRAY_SIZE(sizes), read_size);
}

static void test_times(void **state)
{
	(void)state;
	check_readings(times, ARRAY_SIZE(times), read_time);
}

static void test_shares(void **state)
{
	(void)state;
	check_readings(shares, ARRAY_SIZE(shares), read_share);
}

static void test_macs(void **state)
{
	static const struct {
		const char *text, *mac, *words;
	} rows[] = {
		{ "52:54:00:AA:bb:cc", "52:54:00:aa:bb:cc", NULL },
		{ "2:0:0:0:0:1", "02:00:00:00:00:01", NULL },
		{ "", NULL, "is missing" },
		{ "52:54:00:aa:bb", NULL, "not a MAC address" },
		{ "52:54:00:aa:bb:cc:dd", NULL, "not a MAC address" },
		{ "52:54:00:aa:bb:ccc", NULL, "not a MAC address" },
		{ "52-54-00-aa-bb-cc", NULL, "such as 52:54:00:aa:bb:cc" },
		{ "52:54:00:aa:bb:gg", NULL, "not a MAC address" },
		{ "00:00:00:00:00:00", NULL, "no NIC has this address" },
		{ "01:00:5e:00:00:01", NULL, "a group address" },
		{ "ff:ff:ff:ff:ff:ff", NULL, "a group address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char mac[18] = "untouched", err[UNITS_ERR_SIZE] = "";
		int r = units_parse_mac(rows[i].text, mac, err);

		assert_int_equal(r, rows[i].mac ? 0 : -EINVAL);
		assert_string_equal(mac, rows[i].mac ? rows[i].mac : "untouched");
		if (rows[i].words && !strstr(err, rows[i].words))
			fail_msg("\"%s\": \"%s\" lacks \"%s\"", rows[i].text, err, rows[i].words);
	}
}

static void test_format_rate(void **state)
{
	static const struct {
		uint64_t bytes_ps;
		const char *text;
	} rows[] = {
		{ 0, "0bit" },
		{ 1, "8bit" },
		{ 125, "1kbit" },
		{ 154, "1232bit" },
		{ 12500000, "100mbit" },
		{ 312500000, "2.5gbit" },
		{ 187500, "1.5mbit" },
		{ 156250, "1.25mbit" },
		{ 125000001, "1000000008bit" },
		{ 12500125, "100001kbit" },
		{ 12562500, "100.5mbit" },
		{ RATE_MAX_BYTES_PS, "400gbit" },
		{ UINT64_MAX, "unlimited" },
	};
	char buf[UNITS_RATE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(units_format_rate((struct rate){ rows[i].bytes_ps }, buf), rows[i].text);
}

/* xorshift64*: Vigna 2016. */
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 2685821657736338717ULL;
}

/* Whatever the rate, its text is read back as the same. */
static void test_rate_round_trip(void **state)
{
	uint64_t seed = 20240601;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t most = 1ULL << (1 + next_random(&seed) % 36);
		struct rate rate = { 1 + next_random(&seed) % most }, back = RATE_ZERO;
		char text[UNITS_RATE_SIZE], err[UNITS_ERR_SIZE] = "";

		if (i % 2)
			rate.bytes_ps = rate.bytes_ps / 125 * 125 + 125;
		if (rate.bytes_ps > RATE_MAX_BYTES_PS)
			continue;
		if (units_parse_rate(units_format_rate(rate, text), &back, err) < 0 ||
		    back.bytes_ps != rate.bytes_ps)
			fail_msg("%llu: \"%s\" %llu %s", (unsigned long long)rate.bytes_ps, text,
				 (unsigned long long)back.bytes_ps, err);
	}
}

/* Against the definition in integers: n / 10^k units are n * unit / 10^k bits, to the nearest byte. */
static void test_rate_decimals(void **state)
{
	static const struct {
		const char *unit;
		uint64_t bits;
	} units[] = { { "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", 1000000000 } };
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t u = next_random(&seed) % ARRAY_SIZE(units);
		unsigned int decimals = (unsigned int)(next_random(&seed) % 13);
		uint64_t scale = 1, n = next_random(&seed) % 400000000000ULL, bits;
		char text[80], err[UNITS_ERR_SIZE];
		struct rate rate = { UINT64_MAX };
		int r;

		for (unsigned int k = 0; k < decimals; k++)
			scale *= 10;
		bits = (uint64_t)((unsigned __int128)n * units[u].bits / scale);
		if (decimals)
			snprintf(text, sizeof(text), "%llu.%0*llu%s", (unsigned long long)(n / scale),
				 (int)decimals, (unsigned long long)(n % scale), units[u].unit);
		else
			snprintf(text, sizeof(text), "%llu%s", (unsigned long long)n, units[u].unit);
		r = units_parse_rate(text, &rate, err);
		if (bits < 4 || bits > RATE_MAX_BYTES_PS * 8)
			assert_int_equal(r, -EINVAL);
		else if (r < 0 || rate.bytes_ps != (bits + 4) / 8)
			fail_msg("\"%s\": %llu", text, (unsigned long long)rate.bytes_ps);
	}
}

static void test_quote(void **state)
{
	static const struct {
		const char *text, *quoted;
	} rows[] = {
		{ "", "\"\"" },
		{ "web", "\"web\"" },
		{ "h\xc3\xa4user", "\"h\xc3\xa4user\"" },
		{ "a\nb", "\"a\\x0ab\"" },
		{ "\xc2\x9b", "\"\\xc2\\x9b\"" },                   /* CSI, as one character */
		/* right-to-left override NOLINTNEXTLINE(misc-misleading-bidirectional) */
		{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"" },
		{ "\xc1\x81", "\"\\xc1\\x81\"" },                   /* overlong */
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"" }, /* beyond U+10FFFF */
		{ "\xe2\x82", "\"\\xe2\\x82\"" },                   /* cut */
	};
	char buf[QUOTE_SIZE], text[1000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(quote(rows[i].text, strlen(rows[i].text), buf), rows[i].quoted);
	for (size_t n = 0; n < sizeof(text); n++) {
		memset(text, n % 2 ? '\x01' : 'x', sizeof(text));
		quote(text, n, buf);
		assert_true(strlen(buf) < sizeof(buf));
		assert_int_equal(buf[strlen(buf) - 1], '"');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_format_rate),
		cmocka_unit_test(test_rate_round_trip),
		cmocka_unit_test(test_rate_decimals),
		cmocka_unit_test(test_quote),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
