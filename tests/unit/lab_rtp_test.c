/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lab/traffic/rtp.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_header(void **state)
{
	(void)state;
	/* V=2, P, X, 2 CSRCs; M, PT 96; the extension has one word; 3 bytes of padding. */
	const uint8_t full[] = { 0xb2, 0xe0, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2,
				 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 'a', 'b', 'c', 'd', 0, 0, 3 };
	struct rtp_header h, back;
	size_t at, size;
	uint8_t out[RTP_HEADER];

	assert_int_equal(rtp_parse(full, sizeof(full), &h, &at, &size), 0);
	assert_int_equal(h.type, 96);
	assert_true(h.marker);
	assert_int_equal(h.seq, 0xfffe);
	assert_int_equal(h.timestamp, 0x01020304);
	assert_int_equal(h.ssrc, 0x05060708);
	assert_int_equal(size, 4);
	assert_memory_equal(full + at, "abcd", 4);

	rtp_write(&h, out);
	assert_int_equal(rtp_parse(out, RTP_HEADER, &back, &at, &size), 0);
	assert_memory_equal(&h, &back, sizeof(h));
	assert_int_equal(at, RTP_HEADER);
	assert_int_equal(size, 0);

	/* Every shorter one is refused or has another end; none reads beyond it (the sanitizer looks). */
	for (size_t n = 0; n < sizeof(full); n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, full, n);
		if (rtp_parse(copy, n, &h, &at, &size) == 0)
			assert_true(at + size <= n);
		else
			assert_true(n < sizeof(full));
		free(copy);
	}
	out[0] = 1 << 6;
	assert_int_equal(rtp_parse(out, RTP_HEADER, &h, &at, &size), -EBADMSG);
	out[0] = 2 << 6 | 0x20; /* padding, of no length */
	assert_int_equal(rtp_parse(out, RTP_HEADER, &h, &at, &size), -EBADMSG);
}

static void test_header_random(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct rtp_header h;
	size_t at, size;

	srand(7);
	for (int turn = 0; turn < 100000; turn++) {
		size_t n = (size_t)rand() % sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)rand();
		if (n)
			buf[0] = (uint8_t)(buf[0] >> 2 | 0x80);
		if (rtp_parse(buf, n, &h, &at, &size) == 0)
			assert_true(at >= RTP_HEADER && at + size <= n);
	}
}

static void test_extend(void **state)
{
	(void)state;
	uint64_t highest = 65536 + 65534;

	assert_int_equal(rtp_extend(&highest, 65534), 131070);
	assert_int_equal(rtp_extend(&highest, 1), 131073); /* wrapped, one is missing */
	assert_int_equal(rtp_extend(&highest, 65535), 131071); /* late, from before */
	assert_int_equal(highest, 131073);
	assert_int_equal(rtp_extend(&highest, 1), 131073);
	assert_int_equal(rtp_extend(&highest, 32768), 131072 + 32768);
}

/* Reordering by up to 200, loss of up to 3,000 in a row, duplicates: against the numbers that were sent. */
static void test_extend_brute(void **state)
{
	(void)state;
	enum { N = 300000, NEAR = 200 };
	uint64_t *sent = malloc(N * sizeof(*sent)), highest = 65536 + 65000, next = 65536 + 65000;

	srand(3);
	for (size_t i = 0; i < N; i++) {
		next += rand() % 1000 == 0 ? (uint64_t)rand() % 3000 : 1;
		sent[i] = rand() % 50 == 0 && i ? sent[i - 1] : next;
	}
	for (size_t i = 0; i + NEAR < N; i++)
		if (rand() % 10 == 0) {
			size_t k = i + (size_t)rand() % NEAR;
			uint64_t v = sent[i];

			sent[i] = sent[k];
			sent[k] = v;
		}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(rtp_extend(&highest, (uint16_t)sent[i]), sent[i]);
	free(sent);
}

/* A.8 as it is printed there, in whole units of the timestamp with 32 bits. */
struct a8 {
	uint32_t transit;
	double jitter;
	int begun;
};

static double a8_add(struct a8 *s, uint32_t arrival, uint32_t ts)
{
	int transit = (int)(arrival - ts);
	int d = (int)((uint32_t)transit - s->transit);

	s->transit = (uint32_t)transit;
	if (d < 0)
		d = -d;
	if (s->begun)
		s->jitter += (1. / 16.) * ((double)d - s->jitter);
	s->begun = 1;
	return s->jitter;
}

static void test_jitter(void **state)
{
	(void)state;
	struct rtp_jitter s = {};
	double j = 0;

	/* Evenly sent, evenly received, over the wrap of the timestamp: none. */
	for (uint32_t i = 0; i < 100; i++)
		j = rtp_jitter_add(&s, 90000, 5000000000ULL + i * 40000000ULL, 4294900000U + i * 3600);
	assert_true(j < 1e-6);
	/* One packet 16 ms late: |D| is 16 ms twice. */
	j = rtp_jitter_add(&s, 90000, 5000000000ULL + 100 * 40000000ULL + 16000000, 4294900000U + 100 * 3600);
	assert_true(fabs(j * 1e3 / 90000 - 1) < 1e-6);
	j = rtp_jitter_add(&s, 90000, 5000000000ULL + 101 * 40000000ULL, 4294900000U + 101 * 3600);
	assert_true(fabs(j * 1e3 / 90000 - (1 + 15. / 16)) < 1e-6);
}

static void test_jitter_brute(void **state)
{
	(void)state;
	struct rtp_jitter s = {};
	struct a8 a = {};

	srand(11);
	for (uint32_t i = 0; i < 50000; i++) {
		/* In whole units, so that both have the same numbers; reordered now and then. */
		uint64_t arrival = 90000ULL * 100 + i * 900ULL + (uint64_t)rand() % 20000;
		uint32_t ts = 4294000000U + (i + (uint32_t)rand() % 3) * 900;
		double mine = rtp_jitter_add(&s, 90000, arrival * 100000 / 9, ts);
		double theirs = a8_add(&a, (uint32_t)arrival, ts);

		if (fabs(mine - theirs) > 1e-2)
			fail_msg("packet %u: %f is not %f", i, mine, theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_random),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_extend_brute),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_jitter_brute),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
